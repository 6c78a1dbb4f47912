"""The PostgreSQL wire protocol as Redshift speaks it to redshift-connector: messages, and values in binary.

https://www.postgresql.org/docs/current/protocol-message-formats.html
What Redshift adds to it is taken from redshift_connector.core.
"""

from __future__ import annotations

import re
import socket
import struct
from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any, NamedTuple

EPOCH = datetime(2000, 1, 1)
MICROSECOND = timedelta(microseconds=1)
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
    """The client is not there any more, or is to find us gone; `last` is what it gets before."""

    def __init__(self, last: bytes = b"") -> None:
        super().__init__()
        self.last = last


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


class Type(NamedTuple):
    """How a column is described, and how its values are written."""

    oid: int
    size: int
    modifier: int
    encode: Callable[[Any], bytes]


class Column(NamedTuple):
    name: str
    type: Type


def packed(kind: str) -> Callable[[Any], bytes]:
    return lambda value: struct.pack(f"!{kind}", value)


TYPES = {
    "BOOLEAN": Type(16, 1, -1, packed("?")),
    "SMALLINT": Type(21, 2, -1, packed("h")),
    "INTEGER": Type(23, 4, -1, packed("i")),
    "BIGINT": Type(20, 8, -1, packed("q")),
    # What DuckDB gives for the sum of whole numbers, which Redshift gives as a bigint.
    "HUGEINT": Type(20, 8, -1, packed("q")),
    "FLOAT": Type(700, 4, -1, packed("f")),
    "DOUBLE": Type(701, 8, -1, packed("d")),
    "VARCHAR": Type(1043, -1, -1, str.encode),
    "DATE": Type(1082, 4, -1, lambda value: struct.pack("!i", (value - EPOCH.date()).days)),
    "TIMESTAMP": Type(1114, 8, -1, lambda value: struct.pack("!q", (value - EPOCH) // MICROSECOND)),
    "TIMESTAMP WITH TIME ZONE": Type(
        1184,
        8,
        -1,
        lambda value: struct.pack("!q", (value - EPOCH.replace(tzinfo=timezone.utc)) // MICROSECOND),
    ),
}
# https://github.com/aws/amazon-redshift-python-driver: what it sends for str is of unknown type.
UNKNOWN = 705
DECODED: dict[int, Callable[[bytes], Any]] = {
    16: lambda value: value == b"\x01",
    20: lambda value: struct.unpack("!q", value)[0],
    21: lambda value: struct.unpack("!h", value)[0],
    23: lambda value: struct.unpack("!i", value)[0],
    701: lambda value: struct.unpack("!d", value)[0],
    1082: lambda value: date.fromisoformat(value.decode()),
    1114: lambda value: EPOCH + struct.unpack("!q", value)[0] * MICROSECOND,
    1184: lambda value: EPOCH.replace(tzinfo=timezone.utc) + struct.unpack("!q", value)[0] * MICROSECOND,
    1700: lambda value: Decimal(value.decode()),
    UNKNOWN: bytes.decode,
}


def type_of(name: str) -> Type:
    """Return the type on the wire for a type of DuckDB."""
    decimal = re.fullmatch(r"DECIMAL\((\d+),(\d+)\)", name)
    if not decimal:
        return TYPES[name]
    precision, scale = map(int, decimal.groups())
    length = 8 if precision <= 18 else 16
    return Type(1700, -1, (precision << 16 | scale) + 4, lambda value: _scaled(value, scale, length))


def _scaled(value: Decimal, scale: int, length: int) -> bytes:
    return int(value.scaleb(scale)).to_bytes(length, "big", signed=True)


def description(columns: Iterable[Column]) -> bytes:
    """Return a row description with the metadata that protocol version 1 of Redshift adds: names, and a flag."""
    fields = [
        text(name)
        + struct.pack("!ihihih", 0, 0, kind.oid, kind.size, kind.modifier, 1)
        + text("") * 4
        + struct.pack("!h", 1)
        for name, kind in columns
    ]
    return struct.pack("!h", len(fields)) + b"".join(fields)


def row(values: Iterable[Any], columns: list[Column]) -> bytes:
    found = [
        struct.pack("!i", NULL) if value is None else _sized(column.type.encode(value))
        for value, column in zip(values, columns, strict=True)
    ]
    return struct.pack("!h", len(found)) + b"".join(found)


def _sized(value: bytes) -> bytes:
    return struct.pack("!i", len(value)) + value
