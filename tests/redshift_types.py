"""Columns and values on the wire, in binary, as Redshift gives them to redshift-connector.

What Redshift adds to the protocol is taken from redshift_connector.core.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Iterable
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any, NamedTuple

from redshift_wire import NULL, text

EPOCH = datetime(2000, 1, 1)
EPOCH_UTC = EPOCH.replace(tzinfo=timezone.utc)
MICROSECOND = timedelta(microseconds=1)


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
        lambda value: struct.pack("!q", (value - EPOCH_UTC) // MICROSECOND),
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
    1184: lambda value: EPOCH_UTC + struct.unpack("!q", value)[0] * MICROSECOND,
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
