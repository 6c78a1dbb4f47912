"""Runs the jobs of spark_jobs/ where [jobs] runner says: on EMR, EMR Serverless, or in the Spark driver of the run.

What runs here is the spark-submit line of emr/steps/<job>.json, with places of this machine in it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from emr.steps import job_line
from pipeline.core import config
from pipeline.core.lake import Attempt
from pipeline.core.runtime import scratch_folder
from pipeline.core.spark.client import Reporter, drive, run_folder
from pipeline.core.spark.report import JobReport, name_of, reports_of

# How many partitions are fetched side by side; the files of each are, too.
FETCHED_AT_ONCE = 8


@dataclass(frozen=True)
class Places:
    """Where a job reads and writes on this machine."""

    input: Sequence[Path]
    output: Path
    refused: Path
    report: Path

    def as_urls(self) -> dict[str, str | Sequence[str]]:
        # Hadoop does not decode %20, so that Path.as_uri() would name another folder.
        places = {"output": self.output, "refused": self.refused, "report": self.report}
        return {"input": [f"file://{path}" for path in self.input]} | {
            name: f"file://{path}" for name, path in places.items()
        }


def run_job(name: str, inputs: Mapping[Attempt, str], reporter: Reporter) -> dict[Attempt, JobReport]:
    """Run a job on folders of the lake, one for each attempt; all attempts have one id. Return what each wrote.

    Raises JobFailed with the cause; the whole traceback is in the log that the message names.
    """
    if config.jobs().runner == "emr":
        # It takes half a second to import.
        from pipeline.core.spark.on_emr import run_on_emr

        return run_on_emr(name, inputs, reporter)
    if config.jobs().runner == "emr-serverless":
        from pipeline.core.spark.on_serverless import run_on_serverless

        return run_on_serverless(name, inputs, reporter)
    return _run_here(name, inputs, reporter)


def _run_here(name: str, inputs: Mapping[Attempt, str], reporter: Reporter) -> dict[Attempt, JobReport]:
    with scratch_folder(run_folder(), config.jobs().scratch) as scratch:
        first = next(iter(inputs))
        places = _places(inputs, first, scratch)
        line = job_line(name, places.as_urls() | {"run_id": first.id})
        drive(line, name_of(inputs.keys()), reporter)
        reports = reports_of(places.report.read_bytes(), inputs.keys())
        if _is_remote(first):
            _upload(places, first)
    return reports


def _is_remote(attempt: Attempt) -> bool:
    return "://" in attempt.location


def _places(inputs: Mapping[Attempt, str], attempt: Attempt, scratch: Path) -> Places:
    """Return where the job works: in the lake itself, or on copies, as s3-dist-cp makes them on EMR."""
    report, store = scratch / "report.json", attempt.store
    if not _is_remote(attempt):
        output, refused = Path(store.url(attempt.base)), Path(store.url(attempt.quarantine_base))
        return Places([Path(location) for location in inputs.values()], output, refused, report)
    copies = {location: scratch / "input" / str(one.partition) for one, location in inputs.items()}
    with ThreadPoolExecutor(FETCHED_AT_ONCE) as pool:
        list(pool.map(lambda one: store.download(one.removeprefix(store.url("")).strip("/"), copies[one]), copies))
    return Places(list(copies.values()), scratch / "output", scratch / "refused", report)


def _upload(places: Places, attempt: Attempt) -> None:
    """Copy what a job wrote to the folders of its attempt; what Hadoop hid beside the data stays here."""
    for source, path in ((places.output, attempt.base), (places.refused, attempt.quarantine_base)):
        if source.exists():
            attempt.store.upload(source, path)
