"""How long a task takes, from its earlier makings."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

from pipeline.core import config
from pipeline.core.history.records import Name
from pipeline.core.history.stored import months, names, read
from pipeline.core.lake import lake

# Of the runs that were asked for the same task, the latest so many of a month are read: one that runs every five
# minutes has no more to say than they, and hides no other.
LATEST = 20


@dataclass(frozen=True)
class Duration:
    """How many seconds a partition of a task took, on average over the latest that were made, and how many these are.

    Partitions that were made together count with their share.
    """

    seconds: float
    partitions: int


def durations(*families: str) -> dict[str, Duration]:
    """Return how long a partition of each task takes; those of which nothing is known are not in it.

    It looks back a month at a time, until it has found each of them.
    """
    store, now = lake().store, datetime.now(timezone.utc)
    seconds: dict[str, float] = defaultdict(float)
    counts: Counter[str] = Counter()
    for month in months(now - timedelta(days=config.history().keep_days), now):
        for record in read(store, _latest(names(store, month))):
            for part in record.parts:
                if part.is_made and part.family in families:
                    seconds[part.family] += part.seconds
                    counts[part.family] += part.count
        if all(counts[family] for family in families):
            break
    return {family: Duration(round(seconds[family] / count, 3), count) for family, count in counts.items() if count}


def _latest(found: Iterable[Name]) -> Iterator[Name]:
    read_of: Counter[str] = Counter()
    for name in found:
        read_of[name.family] += 1
        if read_of[name.family] <= LATEST:
            yield name
