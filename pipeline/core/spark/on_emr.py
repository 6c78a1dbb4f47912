"""Runs the jobs of spark_jobs/ as steps of an EMR cluster, on copies of the lake's files in the cluster's HDFS.

An attempt's steps put beside its partition what they refused and the job's report; a later run that finds the steps of
an earlier one goes on with that one's attempt.
"""

from __future__ import annotations

import dataclasses
import hashlib
import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from botocore.exceptions import BotoCoreError, ClientError

from emr import steps
from emr.api import Emr
from emr.clusters.fixed import FixedCluster
from emr.errors import ClusterUnfit, EmrError, LedgerUnreadable, StepFailed, Unsettled
from emr.ledger import Entry, Ledger
from emr.runner import run
from emr.work import Reporter, Work
from pipeline.core import aws, config
from pipeline.core.errors import CheckFailed, JobFailed, PipelineError, SettingError, SourceUnavailable
from pipeline.core.lake import Attempt, new_attempt_id
from pipeline.core.spark.code import code_hash, upload_code
from pipeline.core.spark.cost import note_steps
from pipeline.core.spark.failed_step import failed_step
from pipeline.core.spark.report import JobReport
from pipeline.core.spark.submitted import noted

ADVICE: dict[type[EmrError], tuple[type[PipelineError], str]] = {
    ClusterUnfit: (SettingError, "Look at [emr] cluster_id, then run it again."),
    LedgerUnreadable: (CheckFailed, "Look who wrote it, see that nothing of it runs, and remove it."),
    Unsettled: (SourceUnavailable, "Run it again."),
}
HDFS = "hdfs:///lakeshift"
REPORT = "report.json"


def run_on_emr(name: str, input_location: str, attempt: Attempt, reporter: Reporter) -> JobReport:
    """Run a job on a folder of the lake, and return what its steps wrote below their attempt's folders.

    Raises JobFailed with the step, its state and where its log is; SourceUnavailable if EMR does not answer.
    """
    work = _work(name, input_location, attempt)
    with _explained(attempt, work):
        emr = Emr.connect(config.lake().region)
        entry = _run(emr, work, attempt, reporter)
    resumed = dataclasses.replace(attempt, id=entry.attempt)
    report = _report(resumed)
    if report is None:
        raise JobFailed(
            f"{attempt.dataset} {attempt.partition}: the steps of {entry.name} completed on {entry.cluster_id}, but"
            f" {_beside(resumed)}/{REPORT} and the files that it names are not there. Run it again."
        )
    _move_refused(resumed)
    return report


def _run(emr: Emr, work: Work, attempt: Attempt, reporter: Reporter) -> Entry:
    try:
        with noted(work.key):
            return run(emr, Ledger(attempt.store), work, reporter)
    except StepFailed as error:
        raise failed_step(emr, error, f"{attempt.dataset} {attempt.partition}") from error


def _work(name: str, input_location: str, attempt: Attempt) -> Work:
    settings, root = config.emr(), attempt.store.url("")
    if not root.startswith("s3://") or not settings.cluster_id:
        raise SettingError(
            "[jobs] runner = emr needs a lake that EMR can read, [lake] root = s3://..., and [emr] cluster_id = j-..."
        )
    code = upload_code(attempt.store, name)

    def filled(attempt_id: str) -> list[dict]:
        places = _places(input_location, dataclasses.replace(attempt, id=attempt_id))
        return steps.fill(steps.load(name), places | {"code": code})

    return Work(
        key=f"{attempt.dataset}/{attempt.partition}",
        title=f"lakeshift {_short_hash(root)} {attempt.dataset} {attempt.partition}",
        inputs=(input_location, f"code {code_hash()}", *(f"rerun {one}" for one in attempt.seen.reruns)),
        clusters=FixedCluster(settings.cluster_id),
        new_attempt=new_attempt_id,
        steps=filled,
        has_result=lambda attempt_id: _report(dataclasses.replace(attempt, id=attempt_id)) is not None,
        poll_seconds=settings.poll_seconds,
        watched=lambda entry: note_steps(f"{attempt.dataset} {attempt.partition}", entry.cluster_id, entry.step_ids),
    )


def _short_hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def _places(input_location: str, attempt: Attempt) -> dict[str, str]:
    """Return where an attempt's steps read and write."""
    work = f"{HDFS}/{attempt.id}"
    result = f"{work}/result"
    return {
        "run_id": attempt.id,
        "lake_input": input_location,
        "lake_result": attempt.store.url(_beside(attempt)),
        "work": work,
        "input": f"{work}/input",
        "result": result,
        "output": f"{result}/{attempt.partition}",
        "refused": f"{result}/refused",
        "report": f"{result}/{REPORT}",
    }


def _beside(attempt: Attempt) -> str:
    """Return the folder of all that an attempt writes, its partition and what lies beside it."""
    return attempt.folder.rpartition("/")[0]


def _report(attempt: Attempt) -> JobReport | None:
    """Return what an attempt's job reported, or None if that or the data are not, or no longer, there."""
    found = attempt.store.read(f"{_beside(attempt)}/{REPORT}")
    if found is None:
        return None
    report = JobReport.from_json(found.data, attempt)
    there = {listed.path: listed.bytes for listed in attempt.store.list(attempt.folder)}
    return report if there == {f"{attempt.folder}/{file.name}": file.bytes for file in report.files} else None


def _move_refused(attempt: Attempt) -> None:
    """Put the refused rows into the quarantine; begun again, it moves what is left."""
    folder = f"{_beside(attempt)}/refused"
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
def _explained(attempt: Attempt, work: Work) -> Iterator[None]:
    """Say of what EMR did for which partition, and what to do about it."""
    what = f"{attempt.dataset} {attempt.partition}"
    try:
        yield
    except EmrError as error:
        kind, advice = ADVICE[type(error)]
        raise kind(f"{what}: {error}. {advice}") from error
    except (ClientError, BotoCoreError) as error:
        raise aws.explained(error, f"{what} on EMR, {work.clusters.what}") from error
