"""How long a task takes, from its earlier makings."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

from pipeline.core import config
from pipeline.core.history.parts import Part
from pipeline.core.history.records import Name, Record
from pipeline.core.history.stored import months, names, read
from pipeline.core.lake import lake

# Of the runs that were asked for the same task, the latest so many of a month are read: one that runs every five
# minutes has no more to say than they, and hides no other.
LATEST = 20


@dataclass(frozen=True)
class Duration:
    """How many seconds a partition of a task took, on average over the latest that were made, and how many these are.

    Partitions that were made together count with their share. The cost is that of one on EMR, in the currency of
    [emr_prices], over those whose price is known; None if there are none.
    """

    seconds: float
    partitions: int
    cost: float | None = None


@dataclass
class _Sum:
    """What the partitions of a task took together."""

    seconds: float = 0.0
    count: int = 0
    money: float = 0.0
    paid: int = 0

    def add(self, part: Part, record: Record) -> None:
        self.seconds += part.seconds
        self.count += part.count
        if record.currency == config.emr_prices().currency and part.dataset in record.money:
            self.money += record.money[part.dataset]
            self.paid += part.count

    def duration(self) -> Duration:
        cost = self.money / self.paid if self.paid else None
        return Duration(round(self.seconds / self.count, 3), self.count, cost)


def durations(*families: str) -> dict[str, Duration]:
    """Return how long a partition of each task takes; those of which nothing is known are not in it.

    It looks back a month at a time, until it has found each of them.
    """
    store, now = lake().store, datetime.now(timezone.utc)
    found: dict[str, _Sum] = {}
    for month in months(now - timedelta(days=config.history().keep_days), now):
        for record in read(store, _latest(names(store, month))):
            for part in record.parts:
                if part.is_made and part.family in families:
                    found.setdefault(part.family, _Sum()).add(part, record)
        if found.keys() >= set(families):
            break
    return {family: one.duration() for family, one in found.items()}


def _latest(found: Iterable[Name]) -> Iterator[Name]:
    read_of: Counter[str] = Counter()
    for name in found:
        read_of[name.family] += 1
        if read_of[name.family] <= LATEST:
            yield name
