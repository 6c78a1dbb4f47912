"""What an audit looks at, and what it knows of that by now."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from typing import Any, NamedTuple, TypeVar

from luigi.date_interval import DateInterval

from pipeline.core.errors import CheckFailed, PipelineError
from pipeline.core.lake import Dataset, Lake, Manifest, Partition
from pipeline.core.periods import period_of
from pipeline.core.tasks import PartitionTask

T = TypeVar("T", bound=PartitionTask)
# In the order in which they are told; an unchecked file has no checksum that can be compared.
LOOKED_AT = ("partition", "file", "unchecked file", "external partition", "table partition", "published file")


class Committed(NamedTuple):
    """What a manifest says that is compared with others: nothing, where it cannot be understood."""

    attempt: str = ""
    location: str = ""


@dataclass
class World:
    """The stores, which partitions of them are looked at, and how closely."""

    lake: Lake
    within: DateInterval | None = None
    # The partitions that a second look is at.
    only: set[str] | None = None
    is_deep: bool = False
    has_sources: bool = True
    committed: dict[Dataset, dict[Partition, Committed | None]] = field(default_factory=dict)
    # How much was looked at.
    looked: Counter[str] = field(default_factory=lambda: Counter(dict.fromkeys(LOOKED_AT, 0)))
    # The attempts that hold files which no manifest names.
    leftovers: set[str] = field(default_factory=set)

    def wanted(self, task: type[PartitionTask], partitions: Iterable[Partition]) -> list[Partition]:
        """Return those of the partitions that are looked at, in their order."""
        days = None if self.within is None else self.days(task)
        return sorted(
            one
            for one in partitions
            if (days is None or one in days) and (self.only is None or str(one) in self.only) and is_day(one)
        )

    def days(self, task: type[PartitionTask]) -> set[Partition]:
        """Return the partitions of the range."""
        return {Partition.of_date(day) for day in period_of(task).values(self.within)} if self.within else set()

    def committed_of(self, dataset: Dataset, partition: Partition) -> Committed | None:
        """Return what is committed of any partition, or None; read if it was not looked at."""
        known = self.committed.setdefault(dataset, {})
        if partition not in known:
            [found] = self.lake.read_manifests(dataset, [partition]).values()
            known[partition] = committed(found)
        return known[partition]


def committed(found: Manifest | PipelineError | None) -> Committed | None:
    """Return what is compared of what was read. Raises what kept a store from answering."""
    if isinstance(found, CheckFailed):
        return Committed()
    if isinstance(found, PipelineError):
        raise found
    return Committed(found.attempt, found.location) if found else None


def sample(task: type[T]) -> T:
    """Return a task of any day: what it requires, and where its output is, is known by its kind."""
    kind: Any = task
    return kind(date=date.today())


def day_of(value: object) -> Partition | None:
    """Return the partition of a day by the value of its column, or by its text, or None if it is no day."""
    try:
        return Partition.of_date(date.fromisoformat(str(value)))
    except ValueError:
        return None


def is_day(partition: Partition) -> bool:
    """Say whether a partition is that of a day."""
    return day_of(partition.value) == partition
