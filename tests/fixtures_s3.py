"""S3 for tests: MiniStack on a free loopback port, and a proxy before it that can be told what is to go wrong.

from fixtures_s3 import proxy  # noqa: F401
"""

from __future__ import annotations

import http.client
import os
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, closing
from urllib.parse import urlsplit

import pytest
from s3_proxy import Proxy, serve

REGION = "eu-west-1"


@pytest.fixture(scope="session")
def aws_keys() -> Iterator[None]:
    """Credentials that the servers of the tests accept, in the environment."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            patch.setenv(name, "test")
        yield


@pytest.fixture(scope="session")
def ministack(tmp_path_factory, aws_keys) -> Iterator[str]:
    """The endpoint of an S3 that is empty."""
    port = free_port()
    endpoint = f"http://127.0.0.1:{port}"
    environment = os.environ | {"BIND_HOST": "127.0.0.1", "GATEWAY_PORT": str(port)}
    with (tmp_path_factory.mktemp("ministack") / "log").open("wb") as log:
        server = subprocess.Popen([sys.executable, "-m", "ministack"], env=environment, stdout=log, stderr=log)
        try:
            wait_until_it_answers(endpoint, server)
            yield endpoint
        finally:
            server.kill()
            server.wait()


def free_port() -> int:
    return free_ports(["one"])["one"]


def free_ports(names: Iterable[str]) -> dict[str, int]:
    """Return ports that are free and of which no two are the same, by their names."""
    with ExitStack() as stack:
        free = {name: stack.enter_context(socket.socket()) for name in names}
        for one in free.values():
            one.bind(("127.0.0.1", 0))
        return {name: one.getsockname()[1] for name, one in free.items()}


def wait_until_it_answers(endpoint: str, server: subprocess.Popen, seconds: float = 30) -> None:
    ends = time.monotonic() + seconds
    while True:
        try:
            return ask(endpoint, "GET", "/")
        except OSError:
            assert server.poll() is None and time.monotonic() < ends, "MiniStack did not start"
            time.sleep(0.05)


def new_bucket(endpoint: str) -> str:
    """Return the s3:// URL of a bucket that is empty, in the region that the clients of the tests sign for."""
    name = f"lake-{uuid.uuid4().hex[:12]}"
    # Elsewhere, the first reply to each client would be a redirect.
    place = f"<CreateBucketConfiguration><LocationConstraint>{REGION}</LocationConstraint></CreateBucketConfiguration>"
    ask(endpoint, "PUT", f"/{name}", place.encode())
    return f"s3://{name}"


def ask(endpoint: str, method: str, path: str, body: bytes = b"") -> None:
    with closing(http.client.HTTPConnection(urlsplit(endpoint).netloc, timeout=5)) as connection:
        connection.request(method, path, body)
        status = connection.getresponse().status
        assert status == 200, f"{method} {path} was answered {status}"


def put_all(endpoint: str, paths: Iterable[str]) -> None:
    """Put a small object at each path, over one connection: a client of S3 takes four times as long."""
    with closing(http.client.HTTPConnection(urlsplit(endpoint).netloc, timeout=5)) as connection:
        for path in paths:
            connection.request("PUT", path, b"{}")
            reply = connection.getresponse()
            assert reply.status == 200, f"PUT {path} was answered {reply.status}"
            reply.read()


@pytest.fixture
def proxy(ministack) -> Iterator[Proxy]:
    """A proxy before MiniStack; its `endpoint` is to be used in place of MiniStack's."""
    with serve(ministack) as serving:
        yield serving
    # A fault that met no request leaves its test saying nothing.
    assert [one for one in serving.spoiled if not one.is_used] == []
