"""The messages of the PostgreSQL wire protocol.

https://www.postgresql.org/docs/current/protocol-message-formats.html
"""

from __future__ import annotations

import socket
import struct
from contextlib import suppress

NULL = -1


class Refused(Exception):
    """An error that the client is told of, as Redshift words it."""

    def __init__(self, code: str, message: str, detail: str = "", severity: str = "ERROR") -> None:
        super().__init__(message)
        self.code, self.message, self.detail, self.severity = code, message, detail, severity

    def fields(self) -> bytes:
        """Return the body of the message that tells it."""
        fields = {"S": self.severity, "C": self.code, "M": self.message, "D": self.detail}
        return b"".join(text(f"{name}{value}") for name, value in fields.items() if value) + b"\0"


class Gone(Exception):
    """The client is not there any more, or is to find us gone: with a reset, or after the `last` that it gets."""

    def __init__(self, last: bytes = b"", is_reset: bool = False) -> None:
        super().__init__()
        self.last, self.is_reset = last, is_reset


class Message:
    """What a message holds, read piece by piece."""

    def __init__(self, body: bytes) -> None:
        self.body, self.place = body, 0

    def take(self, length: int) -> bytes:
        self.place += length
        return self.body[self.place - length : self.place]

    def number(self, kind: str) -> int:
        return struct.unpack(f"!{kind}", self.take(struct.calcsize(f"!{kind}")))[0]

    def numbers(self, kind: str) -> list[int]:
        """Return numbers that stand behind how many they are."""
        return [self.number(kind) for _ in range(self.number("h"))]

    def text(self) -> str:
        found = self.take(self.body.index(b"\0", self.place) - self.place)
        self.place += 1
        return found.decode()

    def value(self) -> bytes | None:
        length = self.number("i")
        return None if length == NULL else self.take(length)


class Wire:
    """Messages from and to one client."""

    def __init__(self, connection: socket.socket) -> None:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket = connection
        self.stream = connection.makefile("rwb")

    def receive_start(self) -> Message:
        return Message(self._exactly(struct.unpack("!i", self._exactly(4))[0] - 4))

    def receive(self) -> tuple[str, Message]:
        code, length = struct.unpack("!ci", self._exactly(5))
        return code.decode(), Message(self._exactly(length - 4))

    def send(self, code: str, *parts: bytes) -> None:
        self.write(framed(code, *parts))

    def send_error(self, error: Refused) -> None:
        self.write(framed("E", error.fields()))

    def write(self, messages: bytes) -> None:
        self.stream.write(messages)

    def flush(self) -> None:
        self.stream.flush()

    def dismiss(self) -> None:
        """Tell the client that its session is ended, and end the connection; any thread may do so."""
        farewell = Refused("57P01", "terminating connection due to administrator command", severity="FATAL")
        with suppress(OSError):
            self.socket.sendall(framed("E", farewell.fields()))
        self.close()

    def reset(self) -> None:
        """End the connection as a machine does that knows nothing of it any more."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        # The stream keeps the socket open as well.
        with suppress(OSError):
            self.stream.close()
        self.socket.close()

    def close(self) -> None:
        """End the connection at once, also for a thread that is reading from it."""
        # The client may have been faster.
        with suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()

    def _exactly(self, length: int) -> bytes:
        found = self.stream.read(length)
        if len(found) < length:
            raise Gone
        return found


def framed(code: str, *parts: bytes) -> bytes:
    """Return a message as it is sent."""
    body = b"".join(parts)
    return struct.pack("!ci", code.encode(), len(body) + 4) + body


def text(value: str) -> bytes:
    return value.encode() + b"\0"
