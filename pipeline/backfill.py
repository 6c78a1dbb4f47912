"""A range of any task, with a receipt in the lake.

    luigi --module pipeline.backfill Backfill --of UserBehaviourMetric --range 2010-12-01-2011-12-10

The range is read as Luigi reads a date interval, and the task's own parameter says whether its days, months or slots
are meant. What is complete stays; the rest is made in windows, each of which a scheduler of its own carries out.
"""

from __future__ import annotations

import hashlib
import json
import logging
import re
import time
from collections import Counter, deque
from collections.abc import Mapping, Sequence
from typing import Any

import luigi
from luigi.task import Register
from tenacity import retry, retry_if_exception_type, stop_after_attempt

from pipeline.core import receipts
from pipeline.core.completeness import Known
from pipeline.core.errors import PipelineError, SourceUnavailable, one_line
from pipeline.core.lake import Dataset, Partition, lake
from pipeline.core.periods import RangeParameter
from pipeline.core.plans import plan as plan_of
from pipeline.core.plans import request_refresh
from pipeline.core.receipts import Receipt
from pipeline.core.spans import Span, in_pieces, latest
from pipeline.core.summary import name_of
from pipeline.core.tallies import Tally
from pipeline.core.targets import LakeTarget
from pipeline.core.tasks.partition import MakingTask
from pipeline.core.windows import Windowed, carry_out, size_of
from pipeline.finding import TaskNameParameter, name_of_class

log = logging.getLogger(__name__)
# How often a receipt is written anew where another run of the same range has just written one.
TRIES = 5
OTHERWISE = "the external catalogue pointed elsewhere"


class Backfill(Windowed, MakingTask):
    """A range of a task: it is complete when its receipt says so, and all partitions are there now."""

    of = TaskNameParameter(description="the task, such as UserBehaviourMetric, or some.module.Task")
    range = RangeParameter(default=None, description="2010-12, 2010-W48, or the first day and that after the last")
    last = luigi.Parameter(default="", significant=False, description="in place of a range, such as 7d, 12h or 3m")
    refresh = luigi.BoolParameter(significant=False, description="make again what is stale, and all made of it")
    reverse = luigi.BoolParameter(significant=False, description="make the latest first")
    of_params: Any = luigi.DictParameter(default={}, description="further parameters of the task, as JSON")

    # Once what was stale is asked for, what changes from then on is for the next run.
    is_refreshed = False
    # [worker] timeout is for one task, and this is many.
    worker_timeout = 0

    @classmethod
    def get_param_values(cls, params: Any, args: Any, kwargs: Any) -> list[tuple[str, Any]]:
        """Return the values with the range fixed to definite dates, which the task's id and its receipt then name."""
        values = dict(super().get_param_values(params, args, kwargs))
        if bool(values["range"]) == bool(values["last"]):
            raise PipelineError("Backfill: say --range, such as 2010-12-01-2011-01-01, or else --last, such as 7d.")
        if values["last"]:
            values |= {"range": latest(values["of"], values["last"], values["of_params"]), "last": ""}
        Span(values["of"], values["range"], values["of_params"]).check()
        return list(values.items())

    @property
    def span(self) -> Span:
        return Span(self.of, self.range, self.of_params)

    @property
    def dataset(self) -> Dataset:
        return Dataset("backfill", re.sub(r"\W+", "_", name_of_class(self.of)))

    @property
    def partition(self) -> Partition:
        return Partition("range", f"{self.range}{_suffix(self.span.typed)}")

    def output(self) -> LakeTarget:
        return LakeTarget(self.dataset, self.partition)

    def complete(self) -> bool:
        state = lake().state(self.dataset, self.partition)
        says_so = state.is_complete and state.manifest is not None and not state.manifest.rows.refused
        if says_so and self.refresh and not self.is_refreshed:
            return not plan_of(self.span.tasks(), refresh=True).due
        span = self.span
        return says_so and len(span.complete()) == len(span.values)

    def make(self) -> str:
        span, known, started_at = self.span, Known(), receipts.now_text()
        if self.refresh:
            self._refresh()
        before = span.complete(known)
        due = due_of(span, before)
        tally = Tally(span, len(due))
        log.info("%s: %s of %s are due", name_of(self), f"{len(due):,}", f"{len(span.values):,} {span.period.unit}s")
        left = deque(in_pieces(reversed(due) if self.reverse else due, size_of(map(span.task, due[:1]))))
        while left and not tally.ended_early:
            # What keeps back one end may not reach to the other: the days from before there was a source.
            self._make_window(left.pop() if tally.is_in_doubt else left.popleft(), tally, known)
        receipt, place = self._write(tally, before, started_at)
        if receipt.missing:
            raise PipelineError(f"{receipt.line()} The receipt: {place}")
        return f"{receipt.line()}; the receipt: {place}"

    def _refresh(self) -> None:
        """Have what is stale be due, and keep what is not as it is."""
        asked = request_refresh(self.span.tasks())
        self.is_refreshed = True
        for cause, number in Counter(node.cause.what if node.cause else OTHERWISE for node in asked).items():
            log.info("%s: %s asked for again, since %s", name_of(self), f"{number:,}", cause)
        Register.clear_instance_cache()

    def _make_window(self, values: Sequence[Any], tally: Tally, known: Known) -> None:
        started = time.monotonic()
        tasks = {value: tally.span.task(value) for value in values}
        try:
            summary = carry_out(tasks.values(), known, self.processes)
        except Exception as error:
            log.exception("A window could not be carried out")
            tally.take_broken(values, one_line(error), started)
        else:
            tally.take(tasks, summary, started)
        # Luigi keeps every task that it has made.
        Register.clear_instance_cache()
        self._show(tally)

    def _show(self, tally: Tally) -> None:
        """Say how far it has come, on the console and in the visualiser."""
        window = tally.windows[-1]
        causes = [f"{len(cause.values):,} failed such as {cause.task}: {cause.text}" for cause in tally.causes]
        log.info("%s to %s in %.1f s: %s", window.first, window.last, window.seconds, tally.line())
        self.report("\n".join([f"{tally.line()}; the last window: {window.first} to {window.last}", *causes[:3]]))
        if self.set_progress_percentage:
            self.set_progress_percentage(round(100 * tally.tried / tally.due))

    @retry(stop=stop_after_attempt(TRIES), retry=retry_if_exception_type(SourceUnavailable), reraise=True)
    def _write(self, tally: Tally, before: set[Any], started_at: str) -> tuple[Receipt, str]:
        """Return the receipt and where it lies; of several runs of a range at once, it is that of the last to end."""
        # Begun first, so that what is asked for from now on is not taken for answered.
        attempt = receipts.begin(self.dataset, self.partition, self.task_id)
        receipt = receipts.receipt_of(tally, name_of_class(self.of), before, tally.span.complete(), started_at)
        return receipt, receipts.commit(attempt, receipt)


def due_of(span: Span, complete: set[Any]) -> list[Any]:
    """Return the values of the partitions that are to be made, in order."""
    return [value for value in span.values if value not in complete]


def _suffix(others: Mapping[str, str]) -> str:
    """Return what tells the receipts of one task with several parameters apart."""
    if not others:
        return ""
    text = json.dumps(others, sort_keys=True)
    words = re.sub(r"\W+", "_", text).strip("_")[:40]
    return f".{words}.{hashlib.sha256(text.encode()).hexdigest()[:8]}"
