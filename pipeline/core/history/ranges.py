"""Partitions in few words: those that follow one another as one range, such as 2010-12-01/2010-12-31."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from datetime import datetime, timedelta

# How the values of partitions are written, and how far it is at most from one to the next.
STEPS = (
    ("%Y-%m-%d", timedelta(days=1)),
    ("%Y-%m", timedelta(days=31)),
    ("%Y-%m-%dT%H%M", timedelta(minutes=5)),
)
# As an interval of ISO 8601; no value of a partition has it.
TO = "/"


def joined(ranges: Iterable[str]) -> tuple[str, ...]:
    """Return values and ranges of them in their order, with what follows one another as one range."""
    found: list[tuple[str, str]] = []
    for first, last in sorted(map(_ends, ranges)):
        if found and first <= _after(found[-1][1]):
            found[-1] = (found[-1][0], max(found[-1][1], last))
        else:
            found.append((first, last))
    return tuple(first if first == last else f"{first}{TO}{last}" for first, last in found)


def _ends(text: str) -> tuple[str, str]:
    first, _, last = text.partition(TO)
    return first, last or first


def _after(value: str) -> str:
    """Return the value that follows another, or that one where nobody knows."""
    for written, step in STEPS:
        with suppress(ValueError):
            return (datetime.strptime(value, written) + step).strftime(written)
    return value
