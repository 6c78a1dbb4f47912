"""What becomes of the partitions of a range while they are made, window by window."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import luigi
from luigi.worker import DONE

from pipeline.core.causes import Cause, Causes, cause_of
from pipeline.core.spans import Span
from pipeline.core.summary import Outcome, Summary

# After so many windows in a row of which nothing was made, all by one cause, the rest may fail by it too; and would, if
# one from the other end does.
DOUBTFUL = 3


@dataclass(frozen=True)
class Window:
    """Partitions that were made together: the first and the last as they are typed, and how many ended how."""

    first: str
    last: str
    partitions: int
    made: int
    failed: int
    seconds: float


@dataclass
class Tally:
    """How far the making of the due partitions of a range has come."""

    span: Span
    due: int
    made: set[Any] = field(default_factory=set)
    elsewhere: set[Any] = field(default_factory=set)
    causes: Causes = field(default_factory=Causes)
    # Read, written and refused, by the dataset.
    rows: dict[str, Counter[str]] = field(default_factory=dict)
    windows: list[Window] = field(default_factory=list)
    ended_early: str = ""
    _hopeless: list[tuple[str, str]] = field(default_factory=list)

    @property
    def tried(self) -> int:
        return sum(window.partitions for window in self.windows)

    @property
    def is_in_doubt(self) -> bool:
        """Whether the next window is to be one from the other end."""
        return len(self._hopeless) == DOUBTFUL

    def take(self, tasks: Mapping[Any, luigi.Task], summary: Summary, started: float) -> None:
        """Take in how the window of some values and their tasks ended."""
        made_before, failures = len(self.made), Causes()
        for value, task in tasks.items():
            self._take_one(value, task, summary, failures)
        for outcome in summary.select(DONE):
            if outcome.rows:
                self.rows.setdefault(_dataset(outcome), Counter()).update(outcome.rows)
        self._end_window(list(tasks), failures, len(self.made) - made_before, started)

    def take_broken(self, values: Sequence[Any], error: str, started: float) -> None:
        """Take in a window that could not be carried out."""
        failures = Causes()
        for value in values:
            self._fail(value, self._said(value, error), failures)
        self._end_window(values, failures, 0, started)

    def miss(self, value: Any) -> None:
        """Take in that a partition is not complete, although it was made."""
        self.made.discard(value)
        self.causes.add(value, self._said(value, "it was made, but is asked for again, or its task does not see it"))

    def _said(self, value: Any, text: str) -> Cause:
        family = self.span.kind.get_task_family()
        return Cause(text, f"{family} {self.span.period.text(value)}", family)

    def _take_one(self, value: Any, task: luigi.Task, summary: Summary, failures: Causes) -> None:
        outcome = summary.outcomes.get(task.task_id)
        if outcome and outcome.status == DONE:
            (self.made if outcome.was_due else self.elsewhere).add(value)
        elif cause := cause_of(task, summary.outcomes):
            self._fail(value, cause, failures)

    def _fail(self, value: Any, cause: Cause, failures: Causes) -> None:
        for causes in (self.causes, failures):
            causes.add(value, cause)

    def _end_window(self, values: Sequence[Any], failures: Causes, made: int, started: float) -> None:
        first, last = (self.span.period.text(value) for value in (values[0], values[-1]))
        seconds = round(time.monotonic() - started, 3)
        self.windows.append(Window(first, last, len(values), made, failures.count, seconds))
        self._judge(failures, is_empty=failures.count == len(values))

    def _judge(self, failures: Causes, is_empty: bool) -> None:
        """Have the making end early where what is left would fail too."""
        alone = next(iter(failures)) if is_empty and len(failures) == 1 else None
        if alone is None:
            self._hopeless = []
            return
        self._hopeless = [key for key in self._hopeless if key == alone.key] + [alone.key]
        if alone.is_setting or len(self._hopeless) > DOUBTFUL:
            self.ended_early = f"{alone.task}: {alone.text}"

    def line(self) -> str:
        """Return in one line how far it has come."""
        left = self.due - self.tried
        failed = f", {self.causes.count:,} failed" if len(self.causes) else ""
        return f"{len(self.made):,} made{failed}, {left:,} left"


def _dataset(outcome: Outcome) -> str:
    return str(getattr(outcome.task, "dataset", outcome.task.task_family))
