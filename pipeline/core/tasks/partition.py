"""A task that makes something, such as the partition of one day, and what it says of how that went."""

from __future__ import annotations

import datetime
import json
import time
import traceback
from collections.abc import Iterable, Iterator
from typing import Any, ClassVar
from zoneinfo import ZoneInfo

import luigi

from pipeline.core import config
from pipeline.core.completeness import existing
from pipeline.core.errors import CheckFailed, CommitLost, one_line
from pipeline.core.lake import Partition
from pipeline.core.targets import PartitionTarget


class MakingTask(luigi.Task):
    """A task that says how its making went, to the visualiser and to the run's summary."""

    _known_params: ClassVar[Any] = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        type(self)._known_params = self.get_params()

    @classmethod
    def get_params(cls) -> Any:
        # Luigi looks through the whole class for them, some twenty times a task. Whatever adds one to a class, such as
        # @requires, does so before there is a task of it.
        return cls.__dict__.get("_known_params") or super().get_params()

    def make(self) -> str:
        """Make what the task is for, and return in a few words what that holds."""
        raise NotImplementedError

    def run(self) -> None:
        started = time.monotonic()
        try:
            self.outcome, self.is_made = self.make(), True
        except CommitLost as lost:
            self.outcome, self.is_made = one_line(lost), False
        self.seconds = time.monotonic() - started
        self.report(self.outcome)

    def report(self, message: str) -> None:
        """Show a message in the visualiser."""
        if self.set_status_message:
            self.set_status_message(message)

    def on_success(self) -> str:
        """Return what Luigi hands to the parent process, where the run's summary is made."""
        told = {"outcome": self.outcome, "is_made": self.is_made, "seconds": round(self.seconds, 3)}
        # Where it counts them: those read, written and refused.
        return json.dumps(told | {"rows": getattr(self, "rows", {})})

    def on_failure(self, exception: BaseException) -> str:
        """Return in one line what failed, for the run's summary, with the traceback below it for the visualiser."""
        line = one_line(exception)
        return f"{line}\n\n{''.join(traceback.format_exception(exception))}"


class PartitionTask(MakingTask):
    """A task that makes the partition of one day. Whoever runs it says the day."""

    date = luigi.DateParameter(description="the day, such as 2010-12-01")

    uses_spark: ClassVar[bool] = False
    # One of those that run every few minutes, of whose ends fewer are told ([alerts] on_minibatch).
    is_minibatch: ClassVar[bool] = False

    @property
    def partition(self) -> Partition:
        return Partition.of_date(self.date)

    @classmethod
    def bulk_complete(cls, parameter_tuples: Iterable[datetime.date]) -> list[datetime.date]:
        """Return the days that are complete, asking each store once; Luigi may give a partial for the class."""
        days = list(parameter_tuples)
        targets = {day: target for first in days[:1] for day, target in cls(date=first).outputs(days)}
        there = existing(targets.values())
        return [day for day, target in targets.items() if target in there]

    def outputs(self, days: Iterable[datetime.date]) -> Iterator[tuple[datetime.date, PartitionTarget]]:
        """Yield the output of the task of each day that is otherwise as this one."""
        for day in days:
            try:
                yield day, self._on(day).output()
            except AttributeError:
                # It takes more to say than the parameters.
                yield day, self.clone(date=day).output()

    def _on(self, day: datetime.date) -> Any:
        """Return the task of another day, or what has its parameters: Luigi takes ten times as long to make a task."""
        if type(self).__init__ is not MakingTask.__init__:
            return self.clone(date=day)
        other = object.__new__(type(self))
        vars(other).update({**self.param_kwargs, "date": day})
        return other


def refuse_unfinished(day: datetime.date, zone: ZoneInfo, closes: datetime.time | None = None) -> None:
    """Raise CheckFailed if a day has not ended yet, unless the settings allow it; it does when it closes, or after."""
    after = datetime.datetime.combine(day + datetime.timedelta(days=1), datetime.time.min, zone)
    ends = datetime.datetime.combine(day, closes, zone) if closes else after
    if datetime.datetime.now(zone) < ends and not config.lake().allow_unfinished:
        raise CheckFailed(
            f"{day} has not ended: it ends at {ends.isoformat()}. Run it after that,"
            " or set [lake] allow_unfinished = true and ask for a rerun afterwards."
        )
