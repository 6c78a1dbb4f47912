"""Columns of typed CSV files: what fits in each, and what the type of it is in SQL."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

# A number has twelve digits before its point and six after it: what DuckDB keeps in 64 bits.
WHOLE_DIGITS, FRACTION_DIGITS = 12, 6
# No two parts of it may take the same sign: the tries would be as many as the ways to share a run of zeros.
NUMBER = re.compile(r"[+-]?(?P<whole>\d*)(?:\.(?P<fraction>\d*))?", re.ASCII)
ISO_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)


@dataclass(frozen=True)
class Column:
    """A column: its name in the header of the files, its name in a table, and its type: date, Decimal or int."""

    header: str
    name: str
    type: type

    @property
    def sql_type(self) -> str:
        # A whole number too, since a cast to one would round what has a fraction.
        return "DATE" if self.type is date else f"DECIMAL({WHOLE_DIGITS + FRACTION_DIGITS}, {FRACTION_DIGITS})"

    def fault(self, text: str) -> str:
        """Return why a field is none of this column's values, or nothing."""
        is_fit = _is_date(text) if self.type is date else _is_number(text, FRACTION_DIGITS * (self.type is Decimal))
        return "" if is_fit else f"its {self.header} {text[:40]!r} is no {KINDS[self.type]}"


KINDS = {
    date: "date",
    Decimal: f"number of {WHOLE_DIGITS} digits and {FRACTION_DIGITS} after the point",
    int: f"whole number of {WHOLE_DIGITS} digits",
}


def _is_date(text: str) -> bool:
    try:
        return ISO_DATE.fullmatch(text) is not None and bool(date.fromisoformat(text))
    except ValueError:
        return False


def _is_number(text: str, fraction_digits: int) -> bool:
    found = NUMBER.fullmatch(text)
    if found is None or not any(sign.isdigit() for sign in text):
        return False
    whole, fraction = found["whole"].lstrip("0"), (found["fraction"] or "").rstrip("0")
    return len(whole) <= WHOLE_DIGITS and len(fraction) <= fraction_digits
