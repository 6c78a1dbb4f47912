"""Tasks of one kind on several days that are run as one, where that costs less."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Sequence
from typing import Any

import luigi

from pipeline.core.tasks.partition import PartitionTask

BETWEEN = "+"


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

    def make_together(self, tasks: Sequence[Any]) -> str:
        """Make the partitions of several tasks of this kind, and return in a few words what they hold."""
        raise NotImplementedError

    def make_one(self) -> str:
        """Make the partition, and return in a few words what it holds."""
        raise NotImplementedError

    def make(self) -> str:
        return self.make_together(self.each()) if self.is_several else self.make_one()

    @property
    def days(self) -> tuple[datetime.date, ...]:
        return self.date if isinstance(self.date, tuple) else (self.date,)

    @property
    def is_several(self) -> bool:
        return len(self.days) > 1

    def each(self) -> list[Any]:
        """Return the task of each day that this one stands for."""
        return [type(self)(date=day) for day in self.days]

    def clone(self, cls: Any = None, **values: Any) -> Any:
        """Return what Luigi's does, for each day: that is how a task says what it requires."""
        if self.is_several and cls is not None:
            return [task.clone(cls, **values) for task in self.each()]
        return super().clone(cls, **values)

    def complete(self) -> bool:
        if self.is_several:
            return len(self.bulk_complete(self.days)) == len(self.days)
        return super().complete()
