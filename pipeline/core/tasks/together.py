"""Tasks of one kind on several days that are run as one, where that costs less."""

from __future__ import annotations

import datetime
import json
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, TypeVar

import luigi
from luigi.worker import DONE, FAILED

from pipeline.core.completeness import existing
from pipeline.core.errors import CommitLost, PipelineError, one_line
from pipeline.core.tasks.partition import PartitionTask

BETWEEN = "+"


@dataclass(frozen=True)
class Done:
    """What a partition holds, in a few words; and the rows read, written and refused, where they are counted."""

    outcome: str
    rows: Mapping[str, int] = field(default_factory=dict)


# How a day ended: what kept it from being made may be that another has made it.
End = Done | PipelineError
T = TypeVar("T")


def each_alone(of: Mapping[Any, T], act: Callable[[Any, T], Any], at_once: int = 1) -> dict[Any, Any]:
    """Return what an act returns for each task, or the error of ours that it raises."""

    def tried(one: tuple[Any, T]) -> Any:
        try:
            return act(*one)
        except PipelineError as error:
            return error

    if at_once == 1 or len(of) == 1:
        return dict(zip(of, map(tried, of.items()), strict=True))
    with ThreadPoolExecutor(at_once) as pool:
        return dict(zip(of, pool.map(tried, of.items()), strict=True))


def in_order(days: Iterable[datetime.date]) -> tuple[datetime.date, ...]:
    return tuple(sorted(days))


class DaysParameter(luigi.DateParameter):
    """A day, or a tuple of the days of the tasks that Luigi runs as one."""

    def __init__(self, **options: Any) -> None:
        super().__init__(batch_method=in_order, **options)

    def parse(self, text: str) -> Any:
        days = [luigi.DateParameter.parse(self, each) for each in text.split(BETWEEN)]
        return days[0] if len(days) == 1 else tuple(days)

    def serialize(self, value: Any) -> str:
        days = value if isinstance(value, tuple) else (value,)
        return BETWEEN.join(luigi.DateParameter.serialize(self, day) for day in days)

    def normalize(self, value: Any) -> Any:
        return value if isinstance(value, tuple) else luigi.DateParameter.normalize(self, value)


class TogetherTask(PartitionTask):
    """A task of a day. Where several of its kind are ready, Luigi runs one whose date is all their days."""

    date = DaysParameter(description="the day, such as 2010-12-01")

    ends: Mapping[Any, End] = MappingProxyType({})

    @classmethod
    def batch_param_names(cls) -> list[str]:
        # A kind of which many at once cost no less is nothing of that to Luigi.
        return super().batch_param_names() if cls.max_batch_size > 1 else []

    def make_together(self, tasks: Sequence[Any]) -> Mapping[Any, End]:
        """Make the partitions of tasks of this kind, and return how each of these ended."""
        raise NotImplementedError

    def make(self) -> str:
        started = time.monotonic()
        self.ends = {}
        self.ends = self.make_together(self.each())
        self.seconds_each = (time.monotonic() - started) / len(self.days)
        if not self.is_several:
            return self._only(self.ends[self])
        errors = self._errors()
        if len(errors) > 1:
            raise PipelineError(f"{len(errors)} of {len(self.days)} days failed, the first because: {errors[0]}")
        for error in errors:
            raise error
        return f"made {len(self.days)} days"

    def _only(self, end: End) -> str:
        if isinstance(end, PipelineError):
            raise end
        self.rows = end.rows
        return end.outcome

    def _errors(self) -> list[PipelineError]:
        ends = self.ends.values()
        return [end for end in ends if isinstance(end, PipelineError) and not isinstance(end, CommitLost)]

    @property
    def days(self) -> tuple[datetime.date, ...]:
        return self.date if isinstance(self.date, tuple) else (self.date,)

    @property
    def is_several(self) -> bool:
        return len(self.days) > 1

    def each(self) -> list[Any]:
        """Return the task of each day that this one stands for."""
        return [self.clone(date=day) for day in self.days] if self.is_several else [self]

    def clone(self, cls: Any = None, **values: Any) -> Any:
        """Return what Luigi's does, for each day: that is how a task says what it requires."""
        if self.is_several and cls is not None:
            return [task.clone(cls, **values) for task in self.each()]
        return super().clone(cls, **values)

    def complete(self) -> bool:
        if not self.is_several:
            return super().complete()
        if self.ends:
            # Each was looked at when it was made. Who asks for one again after that shall not fail the others.
            return not self._errors()
        targets = {task.output() for task in self.each()}
        return existing(targets) == targets

    def on_success(self) -> str:
        return self._told() if self.is_several else super().on_success()

    def on_failure(self, exception: BaseException) -> str:
        return self._told() if self.is_several and self.ends else super().on_failure(exception)

    def _told(self) -> str:
        """Return how each task ended, for the parent process: in this one, Luigi knows of none of them."""
        return json.dumps({task.task_id: self._end(end) for task, end in self.ends.items()})

    def _end(self, end: End) -> tuple[str, str]:
        if isinstance(end, CommitLost):
            told: dict[str, Any] = {"outcome": one_line(end), "is_made": False, "rows": {}}
        elif isinstance(end, PipelineError):
            return FAILED, one_line(end)
        else:
            told = {"outcome": end.outcome, "is_made": True, "rows": dict(end.rows)}
        return DONE, json.dumps(told | {"seconds": round(self.seconds_each, 3)})
