"""What a job says that it wrote."""

from __future__ import annotations

import json
from dataclasses import dataclass

from pipeline.core.lake import Attempt, Counts, File


@dataclass(frozen=True)
class JobReport:
    """What a job wrote, and below which attempt: one that was begun earlier, where its steps were found again."""

    attempt: Attempt
    rows: Counts
    files: list[File]
    schema: dict[str, str]

    @classmethod
    def from_json(cls, data: bytes, attempt: Attempt) -> JobReport:
        report = json.loads(data)
        rows = Counts(report["read"], report["written"], report["refused"])
        return cls(attempt, rows, [File(**file) for file in report["files"]], report["schema"])
