"""A proxy before S3 that passes requests on, remembers them, and does to some of them what a test tells it to."""

from __future__ import annotations

import http.client
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import BinaryIO, NamedTuple
from urllib.parse import unquote, urlsplit

HOP_BY_HOP = {"connection", "transfer-encoding", "date", "server"}


def write_all(file: BinaryIO, body: bytes) -> int:
    """Return how many bytes were written; with fewer than all, the connection is cut."""
    return file.write(body)


class Reply(NamedTuple):
    status: int
    headers: list[tuple[str, str]]
    body: bytes
    write: Callable[[BinaryIO, bytes], int] = write_all


# What becomes of a request: it may send it on, or not; None cuts the connection.
Answer = Callable[[Callable[[], Reply]], Reply | None]


def lost_reply(send: Callable[[], Reply]) -> None:
    send()


def lost_request(send: Callable[[], Reply]) -> None:
    """Cut the connection while the client is sending."""


def s3_error(status: int, code: str) -> Answer:
    body = f"<Error><Code>{code}</Code><Message>{code}</Message></Error>".encode()
    return lambda send: Reply(status, [("Content-Type", "application/xml")], body)


def cut_after(count: int) -> Answer:
    """Cut the connection when some bytes of the reply's body have come."""
    return lambda send: send()._replace(write=lambda file, body: file.write(body[:count]))


def shortened_to(count: int) -> Answer:
    """Pass some bytes on as if they were the whole body."""
    return lambda send: (reply := send())._replace(body=reply.body[:count])


def silent_after(count: int, seconds: float = 10) -> Answer:
    """Keep the connection open when some bytes have come, and send no more."""

    def write(file: BinaryIO, body: bytes) -> int:
        sent = file.write(body[:count])
        time.sleep(seconds)
        return sent

    return lambda send: send()._replace(write=write)


def not_taken_in(send: Callable[[], Reply]) -> None:
    """Keep the connection open and read nothing of what the client is sending."""
    time.sleep(10)


def in_pieces(count: int, pause_seconds: float) -> Answer:
    def write(file: BinaryIO, body: bytes) -> int:
        size = len(body) // count + 1
        for start in range(0, len(body), size):
            file.write(body[start : start + size])
            time.sleep(pause_seconds)
        return len(body)

    return lambda send: send()._replace(write=write)


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
        # What says by the headers of a request that it is not let through.
        self.refuse: Callable[[Message], Reply | None] = lambda headers: None

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


@contextmanager
def serve(upstream: str) -> Iterator[Proxy]:
    """Yield a proxy that answers at its `endpoint`."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.proxy = Proxy(upstream, f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    yield server.proxy
    server.shutdown()
    server.server_close()
    thread.join()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def handle_one(self) -> None:
        self.body = None
        proxy = self.server.proxy
        reply = proxy.refuse(self.headers) or proxy.answer(self.command, unquote(self.path), self.send)
        if reply is None:
            self.close_connection = True
            return
        # The next request begins where the body of this one ends.
        self.read_body()
        self.send_response_only(reply.status)
        for name, value in reply.headers:
            self.send_header(name, value)
        if self.command != "HEAD":
            self.send_header("Content-Length", str(len(reply.body)))
        self.end_headers()
        self.close_connection = reply.write(self.wfile, reply.body) < len(reply.body)

    do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = handle_one  # noqa: N815 - the server looks for these names

    def read_body(self) -> bytes:
        """Return the body of the request, which is read when it is asked for: until then, the client is sending it."""
        if self.body is None:
            self.body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        return self.body

    def send(self) -> Reply:
        upstream = http.client.HTTPConnection(urlsplit(self.server.proxy.upstream).netloc, timeout=30)
        try:
            headers = {name: value for name, value in self.headers.items() if name.lower() != "expect"}
            upstream.request(self.command, self.path, self.read_body(), headers)
            answer = upstream.getresponse()
            dropped = HOP_BY_HOP if self.command == "HEAD" else HOP_BY_HOP | {"content-length"}
            kept = [(name, value) for name, value in answer.getheaders() if name.lower() not in dropped]
            return Reply(answer.status, kept, answer.read())
        finally:
            upstream.close()

    def log_message(self, format: str, *args) -> None:
        """Keep the output of the tests free of requests."""
