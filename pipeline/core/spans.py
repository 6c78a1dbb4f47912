"""All partitions of a task over a range of time, and which of them are complete."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from functools import cached_property
from itertools import islice
from typing import Any, TypeVar

import luigi
from luigi.date_interval import DateInterval
from luigi.task import Register

from pipeline.core.completeness import Known, existing, remembered
from pipeline.core.errors import PipelineError
from pipeline.core.periods import Period, period_of
from pipeline.core.targets import PartitionTarget

# So many tasks exist at a time while a range is asked about.
AT_ONCE = 1000
T = TypeVar("T")


def in_pieces(values: Iterable[T], size: int) -> Iterator[list[T]]:
    """Yield the values in their order, so many at a time."""
    left = iter(values)
    while piece := list(islice(left, size)):
        yield piece


@dataclass(frozen=True)
class Span:
    """The partitions of a task in a range of time; `given` are its other parameters, as JSON has them."""

    kind: type[luigi.Task]
    interval: DateInterval
    given: Mapping[str, Any] = field(default_factory=dict)

    @cached_property
    def period(self) -> Period:
        return period_of(self.kind, self.given)

    @cached_property
    def others(self) -> dict[str, Any]:
        """The given parameters as the task takes them."""
        return parsed(self.kind, self.given)

    @property
    def typed(self) -> dict[str, str]:
        """The given parameters as they are typed."""
        known = dict(self.kind.get_params())
        return {name: known[name].serialize(value) for name, value in self.others.items()}

    def check(self) -> None:
        """Raise PipelineError if the range does not fit the task, or the task takes more than was given."""
        self.task(self.values[0])

    @cached_property
    def values(self) -> Sequence[Any]:
        """What the parameter that counts time takes for each partition, in order."""
        return self.period.values(self.interval)

    def task(self, value: Any) -> Any:
        return self.period.task(value, self.others)

    def tasks(self) -> list[Any]:
        """Return the task of each partition."""
        return [self.task(value) for value in self.values]

    def complete(self, known: Known | None = None) -> set[Any]:
        """Return the values of the partitions that are complete now, or as it is known.

        Each store is asked once, whatever the length, if the task can ask it so: those of Lakeshift can.
        """
        found: set[Any] = set()
        with remembered(known or Known()):
            for piece in in_pieces(self.values, AT_ONCE):
                found.update(self._complete(piece))
                if len(self.values) > AT_ONCE:
                    # Luigi keeps every task that it has made.
                    Register.clear_instance_cache()
        return found

    def _complete(self, values: Sequence[Any]) -> Iterable[Any]:
        try:
            bulk_complete: Any = self.kind.bulk_complete
            return bulk_complete.__func__(self._maker(), values)
        except NotImplementedError:
            tasks = {value: self.task(value) for value in values}
        targets = {value: task.output() for value, task in tasks.items()}
        if self.kind.complete is luigi.Task.complete and _are_partitions(targets.values()):
            there = existing(targets.values())
            return [value for value, target in targets.items() if target in there]
        return [value for value, task in tasks.items() if task.complete()]

    def _maker(self) -> Any:
        """Return what stands for the class in bulk_complete, which gives it the value, by its name or as the first."""
        if not self.others:
            return self.kind

        def make(*values: Any, **named: Any) -> luigi.Task:
            counted = {self.period.name: values[0]} if values else {}
            return self.kind(**{**self.others, **counted, **named})

        return make


def latest(kind: type[luigi.Task], text: str, given: Mapping[str, Any]) -> DateInterval:
    """Return the range of the last partitions of a task that have ended now; so many days, months or hours."""
    return period_of(kind, given).last(text, datetime.now(timezone.utc), parsed(kind, given))


def parsed(kind: type[luigi.Task], given: Mapping[str, Any]) -> dict[str, Any]:
    """Return parameters as a task takes them; what is text is read as on the command line.

    Raises PipelineError if the task takes others, or needs more than these and its period.
    """
    known: dict[str, Any] = dict(kind.get_params())
    if unknown := sorted(given.keys() - known.keys()):
        raise PipelineError(f"{kind.__name__} has no parameter {unknown[0]}. There are: {', '.join(known)}")
    there = {*given, period_of(kind, given).name}
    open_names = (name for name, one in known.items() if not one.has_task_value(kind.task_family, name))
    if missing := ", ".join(name for name in open_names if name not in there):
        raise PipelineError(
            f"{kind.__name__} takes {missing} too: give it as JSON, with --params, or with --of-params of Backfill."
        )
    return {name: known[name].parse(value) if isinstance(value, str) else value for name, value in given.items()}


def _are_partitions(targets: Iterable[Any]) -> bool:
    return all(isinstance(target, PartitionTarget) for target in targets)
