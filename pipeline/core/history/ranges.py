"""Partitions in few words: those that follow one another as one range, such as 2010-12-01/2010-12-31."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from datetime import date, datetime, timedelta

# As an interval of ISO 8601; no value of a partition has it.
TO = "/"
# How values other than days are written, by their length, and how far it is at most from one to the next.
STEPS = {
    len("2010-12"): ("%Y-%m", timedelta(days=31)),
    len("2010-12-01T10"): ("%Y-%m-%dT%H", timedelta(hours=1)),
    len("2010-12-01T1005"): ("%Y-%m-%dT%H%M", timedelta(minutes=5)),
}
DAY = timedelta(days=1)


def joined(ranges: Iterable[str]) -> list[str]:
    """Return values and ranges of them in their order, with what follows one another as one range."""
    found: list[tuple[str, str]] = []
    for first, last in sorted(map(_ends, ranges)):
        if found and first <= _after(found[-1][1]):
            found[-1] = (found[-1][0], max(found[-1][1], last))
        else:
            found.append((first, last))
    return [first if first == last else f"{first}{TO}{last}" for first, last in found]


def _ends(text: str) -> tuple[str, str]:
    first, _, last = text.partition(TO)
    return first, last or first


def _after(value: str) -> str:
    """Return the value that follows another, or that one where nobody knows."""
    with suppress(ValueError, OverflowError):
        if written := STEPS.get(len(value)):
            return (datetime.strptime(value, written[0]) + written[1]).strftime(written[0])
        return (date.fromisoformat(value) + DAY).isoformat()
    return value
