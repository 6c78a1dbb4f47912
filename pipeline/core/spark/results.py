"""What becomes of a job that EMR runs: its name and its inputs in the ledger, what it wrote, and what went wrong."""

from __future__ import annotations

import dataclasses
import hashlib
import shutil
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager

from botocore.exceptions import BotoCoreError, ClientError

from emr.errors import ClusterLost, ClusterUnfit, EmrError, LedgerUnreadable, Unsettled
from emr.ledger import Entry
from pipeline.core import aws
from pipeline.core.errors import CheckFailed, JobFailed, PipelineError, SettingError, SourceUnavailable
from pipeline.core.lake import Attempt
from pipeline.core.spark.code import code_hash
from pipeline.core.spark.report import JobReport, name_of, reports_of

ADVICE: dict[type[EmrError], tuple[type[PipelineError], str]] = {
    ClusterLost: (SourceUnavailable, "Look at that reason, and at {place}; the next run makes another."),
    ClusterUnfit: (SettingError, "Look at {place}, then run it again."),
    LedgerUnreadable: (CheckFailed, "Look who wrote it, see that nothing of it runs, and remove it."),
    Unsettled: (SourceUnavailable, "Run it again."),
}
REPORT = "report.json"
# What stands before the hash among the inputs, after the places that are read.
CODE = "code "
# What Hadoop leaves beside the data; no reader takes it for data.
NO_DATA = ("_", ".")


def title(attempts: Collection[Attempt]) -> str:
    """Return what the names of all submissions for some partitions begin with."""
    [first, *_] = attempts
    return f"lakeshift {short_hash(first.store.url(''))} {first.dataset} {partitions_name(attempts)}"


def partitions_name(attempts: Collection[Attempt]) -> str:
    """Return the partition that is made, or for several a name that only the very same have."""
    first, *others = sorted(attempt.partition for attempt in attempts)
    if not others:
        return str(first)
    return f"{first}..{others[-1].value}-{short_hash(' '.join(map(str, (first, *others))))}"


def short_hash(text: str) -> str:
    """Return what stands for a text where it would be too long."""
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def inputs(locations: Mapping[Attempt, str]) -> tuple[str, ...]:
    """Return of what partitions are made: for the same, an earlier submission is as good."""
    reruns = (f"rerun {one}" for attempt in locations for one in attempt.seen.reruns)
    return (*locations.values(), f"{CODE}{code_hash()}", *reruns)


def result_of(entry: Entry, attempts: Collection[Attempt]) -> dict[Attempt, JobReport]:
    """Return what a submission has written, its refused rows in the quarantine. Raises JobFailed if it is not there."""
    resumed = with_id(attempts, entry.attempt)
    reports = written(resumed)
    if reports is None:
        raise JobFailed(
            f"{name_of(attempts)}: the steps of {entry.name} completed on {entry.cluster_id}, but"
            f" {resumed[0].base}/{REPORT} and the files that it names are not there. Run it again."
        )
    for report in reports.values():
        if report.rows.refused:
            move_refused(report.attempt)
    return dict(zip(attempts, reports.values(), strict=True))


def with_id(attempts: Collection[Attempt], attempt_id: str) -> list[Attempt]:
    """Return attempts as those of another id, at the same partitions."""
    return [dataclasses.replace(attempt, id=attempt_id) for attempt in attempts]


def written(attempts: Sequence[Attempt]) -> dict[Attempt, JobReport] | None:
    """Return what the job of some attempts of one id reported, or None if that or data are not, or no longer, there."""
    base, store = attempts[0].base, attempts[0].store
    found = store.read(f"{base}/{REPORT}")
    if found is None:
        return None
    try:
        reports = reports_of(found.data, attempts)
    except JobFailed:
        return None
    listed = {one.path.removeprefix(f"{base}/"): one.bytes for one in store.list(base)}
    there = {path: size for path, size in listed.items() if not path.rpartition("/")[2].startswith(NO_DATA)}
    return reports if all(_is_there(report, there) for report in reports.values()) else None


def _is_there(report: JobReport, there: Mapping[str, int]) -> bool:
    folder = f"{report.attempt.partition}/"
    held = {path.removeprefix(folder): size for path, size in there.items() if path.startswith(folder)}
    return held == {file.name: file.bytes for file in report.files}


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
def explained(what: str, place: str) -> Iterator[None]:
    """Say of what EMR did for which partition, where the settings have it, and what to do about it."""
    try:
        yield
    except EmrError as error:
        kind, advice = ADVICE[type(error)]
        raise kind(f"{what}: {error}. {advice.format(place=place)}") from error
    except (ClientError, BotoCoreError) as error:
        raise aws.explained(error, f"{what} on EMR, {place}") from error
