"""Tells CSV files that DuckDB reads as they are meant from those of which it makes something else, and says nothing.

Those are what numbers that it would round, dates in another form, spaces, quotes, and newlines of two kinds are in.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path

from pipeline.core.typed_columns import FRACTION_DIGITS

# With each digit as a zero.
FINER, DAY = b"." + b"0" * (FRACTION_DIGITS + 1), b"0000-00-00,"
AS_ZEROS = bytes.maketrans(b"123456789", b"000000000")
WITHIN_FIELDS = b"0123456789.-"
BYTES_AT_ONCE = 1 << 20


def has_header(path: Path, header: Sequence[str]) -> bool:
    """Say whether a file begins with the names of some columns."""
    with path.open("rb") as file:
        return file.readline().rstrip(b"\r\n") == ",".join(header).encode()


def is_misread(path: Path, types: Sequence[type]) -> bool:
    """Say whether DuckDB would not complain of all that is odd below the header of a file with columns of these types.

    A date that is not in the first column may be anything, so that it is always said of such a file.
    """
    if date in types[1:]:
        return True
    with path.open("rb") as file:
        ending = b"\r\n" if file.readline().endswith(b"\r\n") else b"\n"
        # DuckDB complains of a line of too few fields, but takes one more that is empty for none.
        between = b"," * (len(types) - 1) + ending
        for data in iter(lambda: file.read(BYTES_AT_ONCE) + file.readline(), b""):
            found, shape = data.translate(None, WITHIN_FIELDS), data.translate(AS_ZEROS)
            found += b"" if data.endswith(ending) else ending
            rows = len(found) // len(between)
            if found != between * rows or FINER in shape:
                return True
            if types[0] is date and _days(shape) != rows:
                return True
    return False


def _days(shape: bytes) -> int:
    """Return how many lines begin with a date and nothing else in its field."""
    return shape.startswith(DAY) + shape.count(b"\n" + DAY)
