"""What becomes of a job that EMR runs: its name and its inputs in the ledger, what it wrote, and what went wrong."""

from __future__ import annotations

import dataclasses
import hashlib
import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from botocore.exceptions import BotoCoreError, ClientError

from emr.errors import ClusterLost, ClusterUnfit, EmrError, LedgerUnreadable, Unsettled
from emr.ledger import Entry
from pipeline.core import aws
from pipeline.core.errors import CheckFailed, JobFailed, PipelineError, SettingError, SourceUnavailable
from pipeline.core.lake import Attempt
from pipeline.core.spark.code import code_hash
from pipeline.core.spark.report import JobReport

ADVICE: dict[type[EmrError], tuple[type[PipelineError], str]] = {
    ClusterLost: (SourceUnavailable, "Look at that reason, and at {place}; the next run makes another."),
    ClusterUnfit: (SettingError, "Look at {place}, then run it again."),
    LedgerUnreadable: (CheckFailed, "Look who wrote it, see that nothing of it runs, and remove it."),
    Unsettled: (SourceUnavailable, "Run it again."),
}
REPORT = "report.json"
# What Hadoop leaves beside the data; no reader takes it for data.
NO_DATA = ("_", ".")


def title(attempt: Attempt) -> str:
    """Return what the names of all submissions for a partition begin with."""
    return f"lakeshift {short_hash(attempt.store.url(''))} {attempt.dataset} {attempt.partition}"


def short_hash(text: str) -> str:
    """Return what stands for a text where it would be too long."""
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def inputs(input_location: str, attempt: Attempt) -> tuple[str, ...]:
    """Return of what a partition is made: for the same, an earlier submission is as good."""
    return (input_location, f"code {code_hash()}", *(f"rerun {one}" for one in attempt.seen.reruns))


def result_of(entry: Entry, attempt: Attempt) -> JobReport:
    """Return what a submission has written, its refused rows in the quarantine. Raises JobFailed if it is not there."""
    resumed = dataclasses.replace(attempt, id=entry.attempt)
    report = report_of(resumed)
    if report is None:
        raise JobFailed(
            f"{attempt.dataset} {attempt.partition}: the steps of {entry.name} completed on {entry.cluster_id}, but"
            f" {resumed.base}/{REPORT} and the files that it names are not there. Run it again."
        )
    move_refused(resumed)
    return report


def report_of(attempt: Attempt) -> JobReport | None:
    """Return what an attempt's job reported, or None if that or the data are not, or no longer, there."""
    found = attempt.store.read(f"{attempt.base}/{REPORT}")
    if found is None:
        return None
    report = JobReport.from_json(found.data, attempt)
    listed = {one.path.removeprefix(f"{attempt.folder}/"): one.bytes for one in attempt.store.list(attempt.folder)}
    there = {name: size for name, size in listed.items() if not name.startswith(NO_DATA)}
    return report if there == {file.name: file.bytes for file in report.files} else None


def move_refused(attempt: Attempt) -> None:
    """Put the refused rows into the quarantine; begun again, it moves what is left."""
    folder = f"{attempt.base}/refused/{attempt.partition}"
    paths = [listed.path for listed in attempt.store.list(folder)]
    for path in paths:
        try:
            with attempt.store.open(path, "rb") as source, attempt.open_refused(path.rpartition("/")[2]) as target:
                shutil.copyfileobj(source, target)
        except SourceUnavailable:
            # Another run that shares the steps may have moved it just now.
            if path in [listed.path for listed in attempt.store.list(folder)]:
                raise
    attempt.store.delete(paths)


@contextmanager
def explained(attempt: Attempt, place: str) -> Iterator[None]:
    """Say of what EMR did for which partition, where the settings have it, and what to do about it."""
    what = f"{attempt.dataset} {attempt.partition}"
    try:
        yield
    except EmrError as error:
        kind, advice = ADVICE[type(error)]
        raise kind(f"{what}: {error}. {advice.format(place=place)}") from error
    except (ClientError, BotoCoreError) as error:
        raise aws.explained(error, f"{what} on EMR, {place}") from error
