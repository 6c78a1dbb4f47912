"""S3 for tests: MiniStack on a free loopback port, and a proxy before it whose replies can be spoiled.

from fixtures_s3 import proxy  # noqa: F401
"""

from __future__ import annotations

import http.client
import os
import socket
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

import pytest

REGION = "eu-west-1"
HOP_BY_HOP = {"connection", "transfer-encoding", "content-length", "date", "server"}


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


class Reply(NamedTuple):
    status: int
    headers: list[tuple[str, str]]
    body: bytes


# What becomes of a request: it may send it on, or not; None cuts the connection.
Answer = Callable[[Callable[[], Reply]], Reply | None]


def lost_reply(send: Callable[[], Reply]) -> None:
    send()


def lost_request(send: Callable[[], Reply]) -> None:
    pass


def s3_error(status: int, code: str) -> Answer:
    body = f"<Error><Code>{code}</Code><Message>{code}</Message></Error>".encode()
    return lambda send: Reply(status, [("Content-Type", "application/xml")], body)


class Request(NamedTuple):
    """A request, and what S3 answered to it, whatever the client saw; None if S3 never got it."""

    method: str
    path: str
    status: int | None


@dataclass
class Spoiled:
    method: str
    part: str
    answer: Answer
    times: int
    is_used: bool = False


class Proxy:
    """Sends requests on to S3, remembers them, and spoils the ones that it was told to."""

    def __init__(self, upstream: str, endpoint: str):
        self.upstream, self.endpoint = upstream, endpoint
        self.requests: list[Request] = []
        self.lock = threading.Lock()
        self.spoiled: list[Spoiled] = []

    def spoil(self, method: str, part: str, answer: Answer, times: int = 1) -> None:
        """Answer the next requests of a method ("" is any) whose path has a part, as often as told."""
        self.spoiled.append(Spoiled(method, part, answer, times))

    def answer(self, method: str, path: str, send: Callable[[], Reply]) -> Reply | None:
        with self.lock:
            found = next((s for s in self.spoiled if s.times and s.method in ("", method) and s.part in path), None)
            if found:
                found.times -= 1
                found.is_used = True
        statuses: list[int | None] = []

        def send_and_note() -> Reply:
            reply = send()
            statuses.append(reply.status)
            return reply

        try:
            return found.answer(send_and_note) if found else send_and_note()
        finally:
            with self.lock:
                self.requests += [Request(method, path, status) for status in statuses or [None]]

    def statuses(self, method: str, part: str) -> list[int | None]:
        """Return what S3 answered to the requests of a method whose path has a part, in order."""
        return [one.status for one in self.requests if one.method == method and part in one.path]


@pytest.fixture
def proxy(ministack) -> Iterator[Proxy]:
    """A proxy before MiniStack; its `endpoint` is to be used in place of MiniStack's."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.proxy = Proxy(ministack, f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    yield server.proxy
    server.shutdown()
    server.server_close()
    thread.join()
    # A fault that met no request leaves its test saying nothing.
    assert [one for one in server.proxy.spoiled if not one.is_used] == []


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def handle_one(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        reply = self.server.proxy.answer(self.command, unquote(self.path), lambda: self.send(body))
        if reply is None:
            self.close_connection = True
            return
        self.send_response_only(reply.status)
        for name, value in reply.headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(reply.body)))
        self.end_headers()
        self.wfile.write(reply.body)

    do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = handle_one  # noqa: N815 - the server looks for these names

    def send(self, body: bytes) -> Reply:
        upstream = http.client.HTTPConnection(urlsplit(self.server.proxy.upstream).netloc, timeout=30)
        try:
            headers = {name: value for name, value in self.headers.items() if name.lower() != "expect"}
            upstream.request(self.command, self.path, body, headers)
            answer = upstream.getresponse()
            kept = [(name, value) for name, value in answer.getheaders() if name.lower() not in HOP_BY_HOP]
            return Reply(answer.status, kept, answer.read())
        finally:
            upstream.close()

    def log_message(self, format: str, *args) -> None:
        """Keep the output of the tests free of requests."""
