"""Why tasks failed, by cause: what was said of it is the same once days, attempts and numbers are taken out."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import luigi
from luigi.worker import FAILED, PENDING

from pipeline.core.settings import masked_text
from pipeline.core.summary import Outcome, name_of

# Days, attempts, addresses of objects, counts: a word with a digit in it, and such words in a row.
VARYING = re.compile(r"\w*\d\w*(?:[-+.,:/]\w*\d\w*)*")
UNKNOWN = "UNKNOWN"


def alike(text: str) -> str:
    """Return what is left of a cause when all that differs from day to day is taken out."""
    return VARYING.sub("#", text)


@dataclass
class Cause:
    """Why some partitions are missing: what was said of the first, but for secrets, of which task, and all values."""

    text: str
    task: str
    family: str
    values: list[Any] = field(default_factory=list)
    is_setting: bool = False

    def __post_init__(self) -> None:
        self.text = masked_text(self.text)

    @property
    def key(self) -> tuple[str, str]:
        return self.family, alike(self.text)


class Causes:
    """The partitions that failed, by their cause."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, str], Cause] = {}

    def __iter__(self) -> Iterator[Cause]:
        """Yield the causes, that of the most partitions first."""
        yield from sorted(self._found.values(), key=lambda cause: -len(cause.values))

    def __len__(self) -> int:
        return len(self._found)

    def add(self, value: Any, cause: Cause) -> None:
        self._found.setdefault(cause.key, replace(cause, values=[])).values.append(value)

    @property
    def count(self) -> int:
        """How many partitions failed."""
        return sum(len(cause.values) for cause in self)


def cause_of(task: luigi.Task, outcomes: Mapping[str, Outcome]) -> Cause | None:
    """Return why a task was not made: the first of what it needs that failed, or is not there; None if nobody knows."""
    found = outcomes.get(task.task_id)
    if found is None:
        return None
    task = found.task
    if found.status in (FAILED, UNKNOWN):
        return Cause(found.text, name_of(task), task.task_family, is_setting=found.is_setting)
    if found.status != PENDING:
        return None
    if task.run is None:
        return Cause("it is an external dependency, and is not there", name_of(task), task.task_family)
    return next(filter(None, (cause_of(required, outcomes) for required in task.deps())), None)
