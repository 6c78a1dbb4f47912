"""What a run made, or did not, in bounded memory: each task by itself, or what ended alike together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import luigi.worker

from pipeline.core.causes import alike
from pipeline.core.history.ranges import joined
from pipeline.core.lake import Partition
from pipeline.core.settings import masked_text
from pipeline.core.summary import Outcome, Summary

MADE = "made"
# As the summary of a run has them.
STATUSES = {
    luigi.worker.DONE: MADE,
    luigi.worker.FAILED: "failed",
    "UNKNOWN": "not checked",
    luigi.worker.PENDING: "not run",
}
# How many tasks stand by themselves; of more, those are put together that ended alike.
EACH = 100
# How many ways to end there are besides, and of how many ranges of partitions each has.
ENDS, RANGES = 50, 50
ROOM = 10 * RANGES
OTHERS = "other causes, which the log has"


@dataclass(frozen=True)
class Part:
    """Tasks of one family that ended alike: mostly one. `partitions` are values, or ranges of them; `seconds` a sum."""

    family: str
    status: str
    partitions: tuple[str, ...] = ()
    count: int = 1
    seconds: float = 0.0
    # Read, written and refused, where the tasks count them.
    rows: Mapping[str, int] = field(default_factory=dict, hash=False)
    cause: str = ""
    # What they make, where that is one in the lake.
    dataset: str = ""

    @property
    def is_made(self) -> bool:
        return self.status == MADE

    @classmethod
    def from_values(cls, values: Mapping[str, Any]) -> Part:
        return cls(**{**values, "partitions": tuple(values.get("partitions", ()))})


class _Alike:
    """Parts that ended alike; beyond so many ranges of their partitions only the number of these is known."""

    def __init__(self, first: Part) -> None:
        self._first, self._count, self._seconds = first, 0, 0.0
        self._partitions: list[str] = []
        self._rows: Counter[str] = Counter()

    def add(self, part: Part) -> None:
        self._count += part.count
        self._seconds += part.seconds
        self._rows.update(part.rows)
        self._partitions += part.partitions
        # Not for each: it would cost as much as the rest together.
        if len(self._partitions) > ROOM:
            self._partitions = joined(self._partitions)[:RANGES]

    def as_part(self) -> Part:
        return replace(
            self._first,
            partitions=tuple(joined(self._partitions)[:RANGES]),
            count=self._count,
            seconds=round(self._seconds, 3),
            rows=dict(self._rows),
        )


class Parts:
    """The parts of a run, of whose tasks there may be any number."""

    def __init__(self) -> None:
        self._each: list[Part] = []
        self._alike: dict[tuple[str, str, str], _Alike] = {}

    def __iter__(self) -> Iterator[Part]:
        yield from self._each
        yield from (alike.as_part() for alike in self._alike.values())

    def add(self, part: Part) -> None:
        if not self._alike and len(self._each) < EACH:
            self._each.append(part)
            return
        for one in (*self._each, part):
            self._put(one)
        self._each = []

    def add_summary(self, summary: Summary) -> None:
        """Take in what a run made, or did not."""
        for status, word in STATUSES.items():
            for outcome in summary.select(status):
                self.add(_part(outcome, word))

    def _put(self, part: Part) -> None:
        key = (part.family, part.status, alike(part.cause))
        if key not in self._alike and len(self._alike) >= ENDS:
            key, part = (part.family, part.status, OTHERS), replace(part, cause=OTHERS if part.cause else "")
        self._alike.setdefault(key, _Alike(part)).add(part)


def _part(outcome: Outcome, status: str) -> Part:
    partition = getattr(outcome.task, "partition", None)
    return Part(
        outcome.task.task_family,
        status,
        (partition.value,) if isinstance(partition, Partition) else (),
        seconds=round(outcome.seconds, 3),
        rows=dict(outcome.rows),
        # What a task that was made says is its rows.
        cause="" if status == MADE else masked_text(outcome.text),
        dataset=str(getattr(outcome.task, "dataset", "")),
    )
