"""Runs the jobs of spark_jobs/ as job runs of EMR Serverless, which read the lake and write to it themselves."""

from __future__ import annotations

import dataclasses
import logging
from datetime import datetime, timezone

from botocore.exceptions import BotoCoreError, ClientError

from emr.api import Emr
from emr.cause import Cause
from emr.clusters.fixed import FixedCluster
from emr.errors import StepFailed
from emr.ledger import Entry, Ledger
from emr.run_cause import cause_of_run
from emr.runner import run
from emr.serverless import job_run, log_folder
from emr.work import Reporter, Work
from pipeline.core import config
from pipeline.core.errors import JobFailed, PipelineError, SettingError, one_line
from pipeline.core.lake import Attempt, new_attempt_id
from pipeline.core.runtime import runtime_folder
from pipeline.core.spark.code import upload_code
from pipeline.core.spark.cost import note_steps
from pipeline.core.spark.report import JobReport
from pipeline.core.spark.results import REPORT, beside, explained, inputs, report_of, result_of, short_hash, title
from pipeline.core.spark.service import connect
from pipeline.core.spark.submitted import noted
from pipeline.core.store import open_store

log = logging.getLogger(__name__)
# Where the logs go if no setting says so, seen from the lake's root.
LOGS = "logs/emr-serverless"


def run_on_serverless(name: str, input_location: str, attempt: Attempt, reporter: Reporter) -> JobReport:
    """Run a job on a folder of the lake, and return what its job run wrote below its attempt's folders.

    Raises JobFailed with the cause and where the log is; SourceUnavailable if EMR does not answer.
    """
    work = _work(name, input_location, attempt)
    with explained(attempt, work):
        entry = _run(connect(), work, attempt, reporter)
    return result_of(entry, attempt)


def _run(emr: Emr, work: Work, attempt: Attempt, reporter: Reporter) -> Entry:
    try:
        with noted(work.key):
            return run(emr, Ledger(attempt.store), work, reporter)
    except StepFailed as error:
        raise failed_run(error, f"{attempt.dataset} {attempt.partition}") from error


def _work(name: str, input_location: str, attempt: Attempt) -> Work:
    settings, root = config.emr(), attempt.store.url("")
    if not root.startswith("s3://") or not settings.application_id or not settings.job_role:
        raise SettingError(
            "[jobs] runner = emr-serverless needs a lake that EMR can read, [lake] root = s3://..., and"
            " [emr] application_id = 00... and job_role = arn:aws:iam::...:role/..."
        )
    code = upload_code(attempt.store, name)
    tags = {"lakeshift:root": short_hash(root)}

    def request(attempt_id: str) -> list[dict]:
        places = _places(input_location, dataclasses.replace(attempt, id=attempt_id)) | {"code": code}
        return [job_run(name, places, settings.job_role, settings.log_uri or attempt.store.url(LOGS), tags)]

    return Work(
        key=f"{attempt.dataset}/{attempt.partition}",
        title=title(attempt),
        inputs=inputs(input_location, attempt),
        clusters=FixedCluster(settings.application_id, "application_id"),
        new_attempt=new_attempt_id,
        steps=request,
        has_result=lambda attempt_id: report_of(dataclasses.replace(attempt, id=attempt_id)) is not None,
        host_folder=runtime_folder() / "emr",
        poll_seconds=settings.poll_seconds,
        watched=lambda entry: note_steps(f"{attempt.dataset} {attempt.partition}", entry.cluster_id, entry.step_ids),
    )


def _places(input_location: str, attempt: Attempt) -> dict[str, str]:
    """Return where an attempt's job run reads and writes."""
    folder = attempt.store.url(beside(attempt))
    return {
        "run_id": attempt.id,
        "input": input_location,
        "output": attempt.location,
        "refused": f"{folder}/refused",
        "report": f"{folder}/{REPORT}",
    }


def failed_run(error: StepFailed, what: str) -> JobFailed:
    """Return the error that names a job run, its state and the probable cause, for which its logs are waited for."""
    step = error.step
    cause = _cause(error) if step.state == "FAILED" else Cause("", step.log_file)
    reason = config.masked((cause.reason or step.reason).rstrip("."))
    where = f" Its log: {place}." if (place := cause.log or step.log_file) else ""
    return JobFailed(
        f"{what}: the job run {step.id} of the application {error.cluster_id} {step.state}"
        f"{reason and f': {reason}'}.{where} Run it again when it is mended: that begins another."
    )


def _cause(error: StepFailed) -> Cause:
    step, folder = error.step, log_folder(error.cluster_id, error.step.id)
    log_uri, found, _ = step.log_file.partition(f"/{folder}/")
    if not found:
        return Cause("", "")
    log.info("The job run %s failed; its log is waited for below %s.", step.id, log_uri)
    try:
        ended_at = step.ended_at or datetime.now(timezone.utc)
        return cause_of_run(open_store(log_uri), folder, ended_at, config.emr().log_wait_seconds)
    except (PipelineError, ClientError, BotoCoreError) as unread:
        log.warning("The log of the job run %s could not be read: %s", step.id, one_line(unread))
        return Cause("", "")
