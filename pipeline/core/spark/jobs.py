"""Runs the jobs of spark_jobs/ where [jobs] runner says: on EMR, EMR Serverless, or in the Spark driver of the run.

What runs here is the spark-submit line of emr/steps/<job>.json, with places of this machine in it.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from emr.steps import job_line
from pipeline.core import config
from pipeline.core.lake import Attempt
from pipeline.core.runtime import scratch_folder
from pipeline.core.spark.client import Reporter, drive, run_folder
from pipeline.core.spark.report import JobReport


@dataclass(frozen=True)
class Places:
    """Where a job reads and writes on this machine."""

    input: Path
    output: Path
    refused: Path
    report: Path

    def as_urls(self) -> dict[str, str]:
        # Hadoop does not decode %20, so that Path.as_uri() would name another folder.
        return {name: f"file://{path}" for name, path in vars(self).items()}


def run_job(name: str, input_location: str, attempt: Attempt, reporter: Reporter) -> JobReport:
    """Run a job on a folder of the lake, write below the attempt's folders, and return what it wrote.

    Raises JobFailed with the cause; the whole traceback is in the log that the message names.
    """
    if config.jobs().runner == "emr":
        # It takes half a second to import.
        from pipeline.core.spark.on_emr import run_on_emr

        return run_on_emr(name, input_location, attempt, reporter)
    if config.jobs().runner == "emr-serverless":
        from pipeline.core.spark.on_serverless import run_on_serverless

        return run_on_serverless(name, input_location, attempt, reporter)
    return _run_here(name, input_location, attempt, reporter)


def _run_here(name: str, input_location: str, attempt: Attempt, reporter: Reporter) -> JobReport:
    with scratch_folder(run_folder(), config.jobs().scratch) as scratch:
        places = _places(input_location, attempt, scratch)
        line = job_line(name, {**places.as_urls(), "run_id": attempt.id})
        drive(line, f"{attempt.dataset} {attempt.partition}", reporter)
        report = JobReport.from_json(places.report.read_bytes(), attempt)
        if _is_remote(attempt):
            _upload(places, attempt)
    return report


def _is_remote(attempt: Attempt) -> bool:
    return "://" in attempt.location


def _places(input_location: str, attempt: Attempt, scratch: Path) -> Places:
    """Return where the job works: in the lake itself, or on copies, as s3-dist-cp makes them on EMR."""
    report = scratch / "report.json"
    if not _is_remote(attempt):
        refused = Path(attempt.store.url(attempt.quarantine))
        return Places(Path(input_location), Path(attempt.location), refused, report)
    root = attempt.store.url("")
    raw = scratch / "input"
    attempt.store.download(input_location.removeprefix(root).strip("/"), raw)
    return Places(raw, scratch / "output", scratch / "refused", report)


def _upload(places: Places, attempt: Attempt) -> None:
    """Copy what a job wrote to the attempt's folders, but for what Hadoop leaves beside the data."""
    for source, path in ((places.output, attempt.folder), (places.refused, attempt.quarantine)):
        for beside in [*source.glob(".*"), *source.glob("_*")]:
            beside.unlink()
        if source.exists():
            attempt.store.upload(source, path)
