"""A SparkSession for the tests of jobs, and what a job made of some text.

It belongs into a conftest.py: each module that imported it would have a session of its own.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pyarrow as pa
import pytest
from pyarrow import parquet

from pipeline.core.spark.java import java_options
from pipeline.core.spark.session import JAVA_OPTIONS, start_session
from spark_jobs import job

PARTITION = "insert_date=2010-12-01"


@pytest.fixture(scope="session")
def spark() -> Iterator[Any]:
    """The session that the tests of jobs share: a cold start takes seconds."""
    settings = {"spark.master": "local[2]", "spark.ui.enabled": "false", JAVA_OPTIONS: java_options()}
    # What it tells its JVM is not for the processes that other tests start.
    with patch.dict(os.environ):
        session = start_session({name: value for name, value in settings.items() if value})
    jvm = session.sparkContext._gateway.proc
    yield session
    session.stop()
    jvm.stdin.close()
    jvm.wait()


@dataclass(frozen=True)
class Done:
    """A run of a job, as what it left behind tells of one of its days."""

    folder: Path
    partition: str = PARTITION
    partitions: Sequence[str] = (PARTITION,)

    @property
    def options(self) -> job.Options:
        inputs = [f"{self.folder}/input/{one}" for one in self.partitions]
        return job.Options(inputs, *(f"{self.folder}/{name}" for name in ("output", "refused", "report")), "run-1")

    def of(self, partition: str) -> Done:
        return replace(self, partition=partition)

    @property
    def files(self) -> list[Path]:
        return sorted(Path(self.options.output, self.partition).iterdir())

    @property
    def table(self) -> pa.Table:
        return parquet.read_table([path for path in self.files if path.suffix == ".parquet"], partitioning=None)

    @property
    def rows(self) -> list[tuple]:
        return [tuple(row.values()) for row in self.table.to_pylist()]

    @property
    def refused(self) -> list[tuple[str, str]]:
        """The text and the reason of each refused row, in order."""
        lines = [
            line
            for path in self.folder.glob(f"refused/{self.partition}/*.json")
            for line in path.read_text().splitlines()
        ]
        return [(row["place"], row["reason"]) for row in map(json.loads, lines)]

    @property
    def whole_report(self) -> dict[str, Any]:
        return json.loads(Path(self.options.report).read_text())

    @property
    def report(self) -> dict[str, Any]:
        return self.whole_report["partitions"][self.partition]

    @property
    def counts(self) -> tuple[int, int, int]:
        return self.report["read"], self.report["written"], self.report["refused"]


def run_on(spark: Any, module: job.Job, folder: Path, *files: str) -> Done:
    """Run a job on the raw files of a day, given as their text."""
    return run_on_days(spark, module, folder, {PARTITION: files})


def run_on_days(spark: Any, module: job.Job, folder: Path, days: Mapping[str, Sequence[str]]) -> Done:
    """Run a job on the raw files of several days."""
    done = Done(folder, next(iter(days)), tuple(days))
    for partition, files in days.items():
        (folder / "input" / partition).mkdir(parents=True)
        for number, text in enumerate(files):
            path = folder / "input" / partition / f"part-{number:04}.csv"
            path.write_text(text, encoding="utf-8", newline="")
    job.run(module, spark.newSession(), done.options)
    return done
