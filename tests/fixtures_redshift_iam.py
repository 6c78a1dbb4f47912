"""What stands for IAM where it logs in to Redshift: no local server of AWS does that.

A conftest.py names the fixtures that its tests use.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs

import pytest
from fixtures_redshift import PASSWORD, USER
from redshift_connector.iam_helper import IamHelper

EXPIRES = "2099-01-01T00:00:00Z"
NAMESPACE = "http://redshift.amazonaws.com/doc/2012-12-01/"


class FakeIam(ThreadingHTTPServer):
    """Gives the login of the tests' Redshift to whoever asks as redshift-connector does, and remembers the requests.

    It knows the workgroup `etl` and the cluster `shop`, and of no domain name that stands for one of them.
    """

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answer)
        self.requests: list[tuple[str, dict]] = []

    def asked(self, action: str) -> list[dict]:
        """Return the parameters of each request of a kind."""
        return [parameters for name, parameters in self.requests if name == action]


class Answer(BaseHTTPRequestHandler):
    server: FakeIam

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        target = self.headers.get("X-Amz-Target")
        if target:
            self.answer_serverless(target.rpartition(".")[2], json.loads(body))
        else:
            parameters = {key: value for key, [value] in parse_qs(body).items()}
            self.answer_cluster(parameters.pop("Action"), parameters)

    def answer_serverless(self, action: str, parameters: dict) -> None:
        self.server.requests.append((action, parameters))
        if parameters.get("workgroupName") != "etl":
            self.send(400, json.dumps({"__type": "ResourceNotFoundException", "message": "no such workgroup"}))
            return
        self.send(200, json.dumps({"dbUser": USER, "dbPassword": PASSWORD, "expiration": 4070908800}))

    def answer_cluster(self, action: str, parameters: dict) -> None:
        self.server.requests.append((action, parameters))
        if parameters.get("ClusterIdentifier") != "shop":
            self.send(404, "<ErrorResponse><Error><Code>ClusterNotFound</Code></Error></ErrorResponse>")
            return
        login = f"<DbUser>{USER}</DbUser><DbPassword>{PASSWORD}</DbPassword><Expiration>{EXPIRES}</Expiration>"
        result = f"<{action}Result>{login}</{action}Result>"
        self.send(200, f'<{action}Response xmlns="{NAMESPACE}">{result}</{action}Response>')

    def send(self, status: int, text: str) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, format: str, *args) -> None:
        """Keep the output of the tests free of requests."""


@pytest.fixture
def iam(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeIam]:
    server = FakeIam()
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    for service in ("REDSHIFT", "REDSHIFT_SERVERLESS"):
        monkeypatch.setenv(f"AWS_ENDPOINT_URL_{service}", f"http://127.0.0.1:{server.server_port}")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setattr(IamHelper, "credentials_cache", {})
    yield server
    server.shutdown()
    server.server_close()
    thread.join()
