"""What is said of a step that failed on EMR: which, how, why, and where its log is."""

from __future__ import annotations

import logging

from botocore.exceptions import BotoCoreError, ClientError

from emr.api import Emr
from emr.cause import Cause, probable_cause
from emr.clusters import api
from emr.errors import StepFailed
from pipeline.core import config
from pipeline.core.errors import JobFailed, JobThrew, PipelineError, one_line
from pipeline.core.settings import masked_text
from pipeline.core.store import open_store

log = logging.getLogger(__name__)
# EMR's own words where it does not know either.
UNKNOWN = "Unknown Error"
# What has no log: it never ran, or was ended from outside.
WITHOUT_LOG = frozenset({"CANCELLED", "INTERRUPTED", "LOST"})


def failed_step(emr: Emr, error: StepFailed, what: str) -> JobFailed:
    """Return the error that names a step, its state and the probable cause, for which its logs are waited for."""
    step = error.step
    number, _, count = step.name.rpartition(" ")[2].partition("/")
    cause = _cause(emr, error) if step.state not in WITHOUT_LOG else Cause("", step.log_file)
    told = _of_cluster(emr, error) or (step.reason if UNKNOWN not in step.reason else "")
    reason = masked_text((cause.reason or told).rstrip("."))
    where = f" Its log: {place}." if (place := cause.log or step.log_file) else ""
    kind = JobThrew if step.state == "FAILED" else JobFailed
    return kind(
        f"{what}: step {number} of {count} ({step.id} on {error.cluster_id}) {step.state}{reason and f': {reason}'}."
        f"{where} Run it again when it is mended: that submits new steps."
    )


def _of_cluster(emr: Emr, error: StepFailed) -> str:
    """Return how the cluster of a step that has no log ended, if it has, for then the step did not fail by itself."""
    if error.step.state not in WITHOUT_LOG:
        return ""
    try:
        cluster = emr.cluster(error.cluster_id)
    except (ClientError, BotoCoreError) as unread:
        log.warning("%s could not be asked for: %s", error.cluster_id, one_line(unread))
        return ""
    return "" if api.takes_steps(cluster) else f"its cluster is {api.state_of(cluster)}"


def _cause(emr: Emr, error: StepFailed) -> Cause:
    settings = config.emr()
    try:
        log_uri = settings.log_uri or emr.cluster(error.cluster_id).get("LogUri", "").replace("s3n://", "s3://")
        if not log_uri:
            return Cause("", "")
        logs = open_store(log_uri.rstrip("/"))
        log.info("Step %s failed; its log is waited for below %s.", error.step.id, log_uri)
        return probable_cause(logs, error.cluster_id, error.step.id, settings.log_wait_seconds)
    except (PipelineError, ClientError, BotoCoreError) as unread:
        log.warning("The log of step %s could not be read: %s", error.step.id, one_line(unread))
        return Cause("", "")
