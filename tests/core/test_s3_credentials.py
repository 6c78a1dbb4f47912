"""Credentials that expire while a run goes on are renewed, by whoever gave them."""

# ruff: noqa: F811 - fixtures

import json
import re
import threading
import time
from datetime import datetime, timedelta, timezone
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from fixtures_lake import proxied  # noqa: F401 - fixtures
from fixtures_s3 import proxy  # noqa: F401 - fixtures
from s3_proxy import s3_error

from pipeline.core.errors import SourceUnavailable
from pipeline.core.store import s3, s3_connection

LIFE_SECONDS = 1.5


class Keys(ThreadingHTTPServer):
    """Gives out keys as the agent of a container or an instance does, each for a short life."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), KeysHandler)
        self.expiry = {}

    def issue(self):
        name = f"ASIA{len(self.expiry):016}"
        self.expiry[name] = datetime.now(timezone.utc) + timedelta(seconds=LIFE_SECONDS)
        until = self.expiry[name].isoformat()
        return {"AccessKeyId": name, "SecretAccessKey": "secret", "Token": "token", "Expiration": until}

    def refuse(self, headers):
        """Answer as S3 does to a request that a dead key has signed."""
        [name] = re.findall(r"Credential=(\w+)/", headers["Authorization"])
        dead = self.expiry[name] < datetime.now(timezone.utc)
        return s3_error(400, "ExpiredToken")(lambda: None) if dead else None


class KeysHandler(BaseHTTPRequestHandler):
    def do_GET(self):
        body = json.dumps(self.server.issue()).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format, *args):
        """Keep the output of the tests free of requests."""


@pytest.fixture
def keys(monkeypatch, proxy, tmp_path):
    """What gives out keys, where boto3 finds it when nothing else gives any; S3 refuses those that are dead."""
    server = Keys()
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", f"http://127.0.0.1:{server.server_port}/")
    proxy.refuse = server.refuse
    # A later test's server may be given the port of this one's, and its connection would ask here for its keys.
    monkeypatch.setattr(s3, "connect", cache(s3_connection.connect.__wrapped__))
    yield server
    s3_connection.Connection.clear_instance_cache()
    server.shutdown()
    server.server_close()


def wait_until_all_are_dead(keys):
    while max(keys.expiry.values()) >= datetime.now(timezone.utc):
        time.sleep(0.1)


def test_keys_that_died_between_two_requests_are_renewed(keys, proxied, tmp_path):
    assert proxied.create("d/a", b"data")
    wait_until_all_are_dead(keys)

    assert proxied.read("d/a").data == b"data"
    wait_until_all_are_dead(keys)
    proxied.download("d", tmp_path)

    assert (tmp_path / "a").read_bytes() == b"data"


def test_keys_that_died_while_a_file_is_written_are_renewed(keys, proxied):
    part = bytes(s3_connection.PART_BYTES)

    with proxied.open("a", "wb") as file:
        file.write(part)
        file.write(part)
        wait_until_all_are_dead(keys)
        file.write(part)

    [listed] = proxied.list("")
    assert listed.bytes == 3 * len(part)


def test_keys_that_nobody_renews_are_one_line(keys, proxied, monkeypatch):
    issued = keys.issue()
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", issued["AccessKeyId"])
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", issued["SecretAccessKey"])
    wait_until_all_are_dead(keys)

    with pytest.raises(SourceUnavailable, match=r"/lake/a at http.*ExpiredToken.*at the AWS credentials\.$"):
        proxied.read("a")
