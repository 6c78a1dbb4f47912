"""What a job says that it wrote."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass

from pipeline.core.errors import JobFailed
from pipeline.core.lake import Attempt, Counts, File


@dataclass(frozen=True)
class JobReport:
    """What a job wrote of a partition, and by which attempt: an earlier one, where its steps were found again."""

    attempt: Attempt
    rows: Counts
    files: list[File]
    schema: dict[str, str]

    @classmethod
    def from_json(cls, data: bytes, attempt: Attempt) -> JobReport:
        """Return what a report says of an attempt's partition. Raises JobFailed if that is nothing."""
        report = json.loads(data)
        told = report["partitions"].get(str(attempt.partition))
        if told is None:
            raise JobFailed(f"{name_of([attempt])}: the job read no file of it. Look at its input, and run it again.")
        rows = Counts(told["read"], told["written"], told["refused"])
        return cls(attempt, rows, [File(**file) for file in told["files"]], report["schema"])


def name_of(attempts: Collection[Attempt]) -> str:
    """Return what a job makes, in words: a partition of a dataset, or several."""
    first, *others = sorted(attempts, key=lambda one: one.partition)
    return f"{first.dataset} {first.partition}{f' and {len(others):,} more' if others else ''}"
