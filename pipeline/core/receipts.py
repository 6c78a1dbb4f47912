"""The receipt of a backfill: what was expected of a range, and what became of it.

It is a partition of a dataset in the lake, and committed as others are: of the rows that were read those expected,
written those that are complete, refused those that are missing. While something is missing it is there to be read, but
a rerun of it is requested, so that it is not complete.
"""

from __future__ import annotations

import dataclasses
import json
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

from pipeline.core.causes import Cause
from pipeline.core.lake import Attempt, Counts, Dataset, File, Partition, lake
from pipeline.core.spans import Span
from pipeline.core.tallies import Tally, Window
from pipeline.core.version import code_version

NAME = "receipt.json"
# How many causes are said in a line; the receipt has all.
SAID = 3


@dataclass(frozen=True)
class Failure:
    """A cause: what was said of one task, how many partitions are missing by it and which, and how to redo these."""

    cause: str
    task: str
    count: int
    partitions: Sequence[str]
    again: str

    def line(self) -> str:
        return f"{self.count:,} such as {self.task}: {self.cause.rstrip('.')} (redo: {self.again})"


@dataclass(frozen=True)
class Receipt:
    """What became of each partition that was expected; these add up."""

    of: str
    of_params: Mapping[str, str]
    range: str
    unit: str
    expected: int
    complete_before: int
    made: int
    made_elsewhere: int
    failed: int
    not_run: int
    failures: Sequence[Failure]
    partitions_not_run: Sequence[str]
    ended_early: str
    rows: Mapping[str, Mapping[str, int]]
    windows: Sequence[Window]
    started_at: str
    ended_at: str

    @property
    def missing(self) -> int:
        return self.failed + self.not_run

    def to_json(self) -> bytes:
        return json.dumps(dataclasses.asdict(self), indent=1).encode() + b"\n"

    def line(self) -> str:
        """Return it in a line; the first causes are said with an example each."""
        if not self.missing:
            elsewhere = f", {self.made_elsewhere:,} made by others" if self.made_elsewhere else ""
            counts = f"{self.complete_before:,} were complete, {self.made:,} made{elsewhere}"
            return f"{self.expected:,} expected: {counts}{self._refused()}"
        causes = f"{len(self.failures)} cause{'s' if len(self.failures) > 1 else ''}: " if self.failures else ""
        said = [failure.line() for failure in self.failures[:SAID]]
        more = [f"{len(self.failures) - SAID} more causes"] if len(self.failures) > SAID else []
        stopped = f" It ended early, since nothing more was made: {self.ended_early}." if self.ended_early else ""
        waiting = f", {self.not_run:,} not run" if self.not_run else ""
        return f"{self.failed:,} failed{waiting}, {causes}{'; '.join(said + more)}.{stopped}"

    def _refused(self) -> str:
        refused = {name: rows["refused"] for name, rows in self.rows.items() if rows.get("refused")}
        return f"; rows refused: {', '.join(f'{name} {count:,}' for name, count in refused.items())}" if refused else ""


def receipt_of(tally: Tally, of: str, before: set[Any], now: set[Any], started_at: str) -> Receipt:
    """Return the receipt of a range, of which some partitions were complete before, and some are now."""
    span = tally.span
    failures, left = _missing(tally, of, now)
    failed, made, was_there = sum(one.count for one in failures), len(tally.made), len((before & now) - tally.made)
    return Receipt(
        of=of,
        of_params=span.typed,
        range=str(span.interval),
        unit=span.period.unit,
        expected=len(span.values),
        complete_before=was_there,
        made=made,
        made_elsewhere=len(span.values) - failed - len(left) - was_there - made,
        failed=failed,
        not_run=len(left),
        failures=failures,
        partitions_not_run=left,
        ended_early=tally.ended_early,
        rows={dataset: dict(rows) for dataset, rows in tally.rows.items()},
        windows=tally.windows,
        started_at=started_at,
        ended_at=now_text(),
    )


def _missing(tally: Tally, of: str, now: set[Any]) -> tuple[list[Failure], list[str]]:
    """Return why partitions are missing, and which are for no cause that is known: they were not run."""
    missing = [value for value in tally.span.values if value not in now]
    for value in tally.made.intersection(missing):
        tally.miss(value)
    failures = [failure for cause in tally.causes if (failure := _failure(cause, now, tally.span, of)).count]
    failed = {partition for failure in failures for partition in failure.partitions}
    return failures, [text for text in map(tally.span.period.text, missing) if text not in failed]


def _failure(cause: Cause, now: set[Any], span: Span, of: str) -> Failure:
    """Return what a cause has left missing."""
    values = sorted(value for value in cause.values if value not in now)
    partitions = [span.period.text(value) for value in values]
    again = command(of, str(span.period.covering(values)), span.typed) if values else ""
    return Failure(cause.text, cause.task, len(values), partitions, again)


def command(of: str, interval: str, others: Mapping[str, str]) -> str:
    """Return the line that makes a range of a task."""
    given = ["--of-params", json.dumps(others)] if others else []
    line = ["luigi", "--module", "pipeline.backfill", "Backfill", "--of", of, "--range", interval, *given]
    return shlex.join([*line, "--local-scheduler"])


def now_text() -> str:
    return datetime.now(timezone.utc).isoformat(timespec="seconds")


def begin(dataset: Dataset, partition: Partition, task_id: str) -> Attempt:
    """Return an attempt at a receipt; the one that is there, if any, is not complete from now on."""
    if lake().state(dataset, partition).is_complete:
        lake().request_rerun(dataset, partition)
    return lake().begin(dataset, partition, task_id)


def commit(attempt: Attempt, receipt: Receipt) -> str:
    """Commit a receipt, and return where it lies; no complete one while something is missing. Raises as attempts do."""
    data, complete = receipt.to_json(), receipt.expected - receipt.missing
    with attempt.open(NAME, "wb") as file:
        file.write(data)
    rows = Counts(receipt.expected, complete, receipt.missing)
    attempt.commit([File(NAME, len(data), complete)], rows, {}, (), code_version())
    if receipt.missing:
        lake().request_rerun(attempt.dataset, attempt.partition)
    return f"{attempt.location}/{NAME}"
