"""EMR Serverless, asked as EMR is: an application takes job runs as a cluster takes steps, one for each submission."""

from __future__ import annotations

import hashlib
import shlex
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any

from botocore.exceptions import ClientError

from emr.answers import code_of, patiently
from emr.api import COMPLETED, GOING, Emr, Step
from emr.errors import ClusterUnfit
from emr.steps import Places, fill, spark_submit

STATES = {
    **dict.fromkeys(("SUBMITTED", "QUEUED", "PENDING", "SCHEDULED"), "PENDING"),
    "RUNNING": "RUNNING",
    "SUCCESS": COMPLETED,
    "CANCELLING": "CANCEL_PENDING",
}
# An application in one of these takes job runs only where it starts by itself.
AT_REST = frozenset({"CREATED", "STOPPING", "STOPPED"})
# EMR Serverless has workers of its own, and always runs the driver on one of them.
OF_A_CLUSTER = ("--master", "--deploy-mode")
PAGE = 50
STORAGE = "storageGBHour"
GONE = frozenset({"ResourceNotFoundException", "ValidationException"})


class Serverless(Emr):
    """EMR Serverless: a StartJobRun with a token that was sent before returns the job run that the first one began."""

    service = "emr-serverless"
    most_ids = 1000

    def cluster(self, cluster_id: str) -> dict[str, Any]:
        """Return what is known of an application, as EMR tells of a cluster. Raises ClusterUnfit if it takes none."""
        asked = patiently(lambda: self.client.get_application(applicationId=cluster_id), self.first_seconds)
        told = asked["application"]
        starts = told.get("autoStartConfiguration", {}).get("enabled", True)
        if told["state"] == "TERMINATED" or (told["state"] in AT_REST and not starts):
            raise ClusterUnfit(f"the application {cluster_id} is {told['state']} and takes no job runs")
        return {"Id": cluster_id, "Status": {"State": "RUNNING"}}

    def add(self, cluster_id: str, steps: Sequence[dict[str, Any]]) -> tuple[str, ...]:
        """Return the ids of job runs, begun now or by an earlier call for the same names."""
        return tuple(self._start(cluster_id, step) for step in steps)

    def add_again(self, cluster_id: str, steps: Sequence[dict[str, Any]], since: datetime) -> tuple[str, ...]:
        """Return the ids of job runs that an earlier call may have begun; none if it is not known which it began."""
        # Nobody says how long a token is kept in mind: it is the second that is asked, after the names.
        found = self.named(cluster_id, steps[0]["Name"].rpartition(" ")[0], since)
        if found:
            return tuple(step.id for step in found)
        try:
            return patiently(lambda: self.add(cluster_id, steps), self.patience_seconds)
        except ClientError as error:
            # The same token with other settings: the earlier call did arrive, and is listed soon. Or the application is
            # no longer there.
            if code_of(error) in GONE | {"ConflictException"}:
                return ()
            raise

    def _start(self, application_id: str, step: dict[str, Any]) -> str:
        request = {key: value for key, value in step.items() if key != "Name"}
        return self.client.start_job_run(
            applicationId=application_id, clientToken=token(step["Name"]), name=step["Name"], **request
        )["jobRunId"]

    def steps(self, cluster_id: str, ids: Sequence[str]) -> list[Step]:
        """Return the job runs in the order of the ids, but for those that EMR does not know."""
        # One question tells of all that go on, however many are waited for.
        going = {step.id: step for step in self.going(cluster_id)} if len(ids) > 1 else {}
        told = {one: self._job_run(cluster_id, one) for one in ids if one not in going}
        ended = {one: as_step(run) for one, run in told.items() if run}
        return [step for one in ids if (step := going.get(one) or ended.get(one))]

    def used(self, cluster_id: str, job_run_id: str) -> dict[str, float]:
        """Return what a job run is billed for, or, before EMR tells that, what it used; nothing if it tells neither."""
        told = self._job_run(cluster_id, job_run_id) or {}
        used = told.get("totalResourceUtilization") or {}
        # Of the storage that is used, 20 GB of each worker are free.
        return told.get("billedResourceUtilization") or {name: used[name] for name in used if name != STORAGE}

    def _job_run(self, application_id: str, job_run_id: str) -> dict[str, Any] | None:
        asked = {"applicationId": application_id, "jobRunId": job_run_id}
        try:
            return patiently(lambda: self.client.get_job_run(**asked), self.patience_seconds)["jobRun"]
        except ClientError as error:
            if code_of(error) in GONE:
                return None
            raise

    def named(self, cluster_id: str, name: str, since: datetime) -> list[Step]:
        """Return the job runs whose names begin with a name, of those that are younger."""
        return [step for step in self._listed(cluster_id, createdAtAfter=since) if step.name.startswith(f"{name} ")]

    def going(self, cluster_id: str) -> list[Step]:
        """Return the job runs that run or wait, whoever began them."""
        states = [theirs for theirs, ours in STATES.items() if ours in GOING]
        return self._listed(cluster_id, states=states)

    def _listed(self, application_id: str, **which: Any) -> list[Step]:
        pages = self.client.get_paginator("list_job_runs").paginate(
            applicationId=application_id, PaginationConfig={"PageSize": PAGE}, **which
        )
        try:
            told = patiently(lambda: [one for page in pages for one in page["jobRuns"]], self.patience_seconds)
        except ClientError as error:
            # Of an application that is no longer there, or a cluster of EMR's, nothing is known.
            if code_of(error) in GONE:
                return []
            raise
        return [as_step(one) for one in told]

    def cancel(self, cluster_id: str, ids: Sequence[str]) -> None:
        """Ask EMR to end job runs; of those that have ended just now nothing is said."""
        for one in ids:
            try:
                asked = {"applicationId": cluster_id, "jobRunId": one}
                patiently(partial(self.client.cancel_job_run, **asked), self.patience_seconds)
            except ClientError as error:
                if code_of(error) not in GONE:
                    raise

    def tracking_url(self, cluster_id: str, step_ids: Sequence[str]) -> str:
        """Return where a job run's logs come while it runs, or, where they go nowhere in S3, the console."""
        console = f"https://{self.region}.console.aws.amazon.com"
        [log_file, *_] = [step.log_file for step in self.steps(cluster_id, step_ids[:1])] or [""]
        bucket, _, key = log_file.removeprefix("s3://").partition("/")
        # The dashboard's own address would let in whoever reads it.
        if not bucket:
            return f"{console}/emr/home?region={self.region}#/serverless"
        prefix = key.rpartition("/")[0]
        return f"{console}/s3/buckets/{bucket}?region={self.region}&prefix={prefix}/"


def token(name: str) -> str:
    """Return the client token of a job run's name, which may be longer than a token may be."""
    return hashlib.sha256(name.encode()).hexdigest()


def as_step(told: Mapping[str, Any]) -> Step:
    """Return what EMR Serverless tells of a job run, in the words of a step."""
    return Step(
        id=told.get("jobRunId") or told["id"],
        name=told.get("name", ""),
        state=STATES.get(told["state"], told["state"]),
        created_at=told["createdAt"],
        reason=told.get("stateDetails") or "",
        log_file=_log_file(told),
        started_at=told.get("startedAt"),
        ended_at=told.get("endedAt"),
    )


def _log_file(told: Mapping[str, Any]) -> str:
    monitoring = told.get("configurationOverrides", {}).get("monitoringConfiguration", {})
    log_uri = monitoring.get("s3MonitoringConfiguration", {}).get("logUri")
    return f"{log_uri.rstrip('/')}/{log_folder(told['applicationId'], told['jobRunId'])}/stderr.gz" if log_uri else ""


def log_folder(application_id: str, job_run_id: str) -> str:
    """Return where below a log URI the logs of a job run's driver lie."""
    return f"applications/{application_id}/jobs/{job_run_id}/SPARK_DRIVER"


def job_run(name: str, places: Places, role: str, log_uri: str, tags: Mapping[str, str]) -> dict[str, Any]:
    """Return the request for a job run that does what the spark-submit step of a job does."""
    line = spark_submit(name)
    options = without(line.options, OF_A_CLUSTER)
    submit = {
        "entryPoint": fill(line.script, places),
        "entryPointArguments": fill(line.arguments, places),
    }
    # An empty text is refused.
    if options:
        submit["sparkSubmitParameters"] = shlex.join(fill(options, places))
    monitoring = {"s3MonitoringConfiguration": {"logUri": log_uri}}
    return {
        "executionRoleArn": role,
        "jobDriver": {"sparkSubmit": submit},
        "configurationOverrides": {"monitoringConfiguration": monitoring},
        "tags": dict(tags),
    }


def without(options: Sequence[str], names: Sequence[str]) -> list[str]:
    """Return options, each followed by its value, but for those of some names."""
    pairs = zip(options[::2], options[1::2], strict=True)
    return [part for pair in pairs if pair[0] not in names for part in pair]
