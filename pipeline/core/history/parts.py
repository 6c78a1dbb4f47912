"""What a run made, or did not, in bounded memory: each task by itself, or what ended alike together."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import luigi.worker

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

    @property
    def is_made(self) -> bool:
        return self.status == MADE

    def and_(self, other: Part) -> Part:
        """Return both as one; beyond so many ranges of partitions only their number is known."""
        return replace(
            self,
            partitions=joined((*self.partitions, *other.partitions))[:RANGES],
            count=self.count + other.count,
            seconds=round(self.seconds + other.seconds, 3),
            rows=dict(Counter(self.rows) + Counter(other.rows)),
        )

    @classmethod
    def from_values(cls, values: Mapping[str, Any]) -> Part:
        return cls(**{**values, "partitions": tuple(values.get("partitions", ()))})


class Parts:
    """The parts of a run, of whose tasks there may be any number."""

    def __init__(self) -> None:
        self._each: list[Part] = []
        self._alike: dict[tuple[str, str, str], Part] = {}

    def __iter__(self) -> Iterator[Part]:
        yield from self._each
        yield from self._alike.values()

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
        # Of the same cause each day's line has its own day and numbers.
        key = (part.family, part.status, re.sub(r"\d+", "#", part.cause))
        if key not in self._alike and len(self._alike) >= ENDS:
            key, part = (part.family, part.status, OTHERS), replace(part, cause=OTHERS if part.cause else "")
        found = self._alike.get(key)
        self._alike[key] = found.and_(part) if found else part


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
    )
