"""What a job says that it wrote."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from pipeline.core.errors import JobFailed
from pipeline.core.lake import Attempt, Counts, File


@dataclass(frozen=True)
class JobReport:
    """What a job wrote of a partition, and by which attempt: an earlier one, where its steps were found again."""

    attempt: Attempt
    rows: Counts
    files: list[File]
    schema: dict[str, str]


def reports_of(data: bytes, attempts: Collection[Attempt]) -> dict[Attempt, JobReport]:
    """Return what a job's report says of some partitions. Raises JobFailed if that is nothing for one of them."""
    report = json.loads(data)
    lost = [attempt for attempt in attempts if str(attempt.partition) not in report["partitions"]]
    if lost:
        raise JobFailed(f"{name_of(lost)}: the job read no file of it. Look at its input, and run it again.")
    return {attempt: _report_of(report, attempt) for attempt in attempts}


def _report_of(report: Mapping[str, Any], attempt: Attempt) -> JobReport:
    told = report["partitions"][str(attempt.partition)]
    rows = Counts(told["read"], told["written"], told["refused"])
    return JobReport(attempt, rows, [File(**file) for file in told["files"]], report["schema"])


def name_of(attempts: Collection[Attempt]) -> str:
    """Return what a job makes, in words: a partition of a dataset, or several."""
    first, *others = sorted(attempts, key=lambda one: one.partition)
    return f"{first.dataset} {first.partition}{f' and {len(others):,} more' if others else ''}"
