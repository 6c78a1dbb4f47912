"""Runs the jobs of spark_jobs/ as job runs of EMR Serverless, which read the lake and write to it themselves."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from datetime import datetime, timezone

from botocore.exceptions import BotoCoreError, ClientError

from emr.cause import Cause
from emr.clusters.fixed import FixedCluster
from emr.errors import StepFailed
from emr.run_cause import cause_of_run
from emr.serverless import job_run, log_folder
from emr.work import Reporter, Work
from pipeline.core import config
from pipeline.core.errors import JobFailed, JobThrew, PipelineError, one_line
from pipeline.core.lake import Attempt
from pipeline.core.settings import masked_text
from pipeline.core.spark.code import upload_code
from pipeline.core.spark.report import JobReport, name_of
from pipeline.core.spark.results import REPORT, explained, short_hash
from pipeline.core.spark.service import connect
from pipeline.core.spark.work import run_work, work_of
from pipeline.core.store import open_store

log = logging.getLogger(__name__)
# Where the logs go if no setting says so, seen from the lake's root.
LOGS = "logs/emr-serverless"


def run_on_serverless(name: str, locations: Mapping[Attempt, str], reporter: Reporter) -> dict[Attempt, JobReport]:
    """Run a job on folders of the lake, and return what its job run wrote below its attempt's folders.

    Raises JobFailed with the cause and where the log is; SourceUnavailable if EMR does not answer.
    """
    with explained(name_of(locations.keys()), "[lake] region"):
        emr = connect()
    return run_work(emr, _work(name, locations), locations.keys(), reporter, failed_run)


def _work(name: str, locations: Mapping[Attempt, str]) -> Work:
    settings, store = config.emr(), next(iter(locations)).store
    code = upload_code(store, name)
    log_uri = settings.log_uri or store.url(LOGS)
    tags = {"lakeshift:root": short_hash(store.url(""))}

    def request(ones: Mapping[Attempt, str]) -> list[dict]:
        return [job_run(name, _places(ones) | {"code": code}, settings.job_role, log_uri, tags)]

    return work_of(locations, FixedCluster(settings.application_id, "application_id"), request)


def _places(locations: Mapping[Attempt, str]) -> dict[str, str | Sequence[str]]:
    """Return where an attempt's job run reads and writes."""
    [attempt, *_] = locations
    folder = attempt.store.url(attempt.base)
    return {
        "run_id": attempt.id,
        "input": list(locations.values()),
        "output": folder,
        "refused": f"{folder}/refused",
        "report": f"{folder}/{REPORT}",
    }


def failed_run(error: StepFailed, what: str) -> JobFailed:
    """Return the error that names a job run, its state and the probable cause, for which its logs are waited for."""
    step = error.step
    cause = _cause(error) if step.state == "FAILED" else Cause("", step.log_file)
    reason = masked_text((cause.reason or step.reason).rstrip("."))
    where = f" Its log: {cause.log}." if cause.log else ""
    kind = JobThrew if step.state == "FAILED" else JobFailed
    return kind(
        f"{what}: the job run {step.id} of the application {error.cluster_id} {step.state}"
        f"{reason and f': {reason}'}.{where} Run it again when it is mended: that begins another."
    )


def _cause(error: StepFailed) -> Cause:
    step, folder = error.step, log_folder(error.cluster_id, error.step.id)
    log_uri, found, _ = step.log_file.partition(f"/{folder}/")
    if not found:
        return Cause("", step.log_file)
    log.info("The job run %s failed; its log is waited for below %s.", step.id, log_uri)
    # What never ran has none, and only EMR's own words: of a role that it may not take, or a script that is not there.
    wait_seconds = config.emr().log_wait_seconds if step.started_at else 0
    try:
        ended_at = step.ended_at or datetime.now(timezone.utc)
        cause = cause_of_run(open_store(log_uri), folder, ended_at, wait_seconds)
        return cause if cause.reason or step.started_at else Cause("", "")
    except (PipelineError, ClientError, BotoCoreError) as unread:
        log.warning("The log of the job run %s could not be read: %s", step.id, one_line(unread))
        return Cause("", step.log_file)
