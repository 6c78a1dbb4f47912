"""The only door to EMR's API."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from botocore.config import Config
from botocore.exceptions import ClientError

from emr.answers import code_of, patiently

OPEN = frozenset({"PENDING", "RUNNING", "CANCEL_PENDING"})
# Of those, what nobody has cancelled yet.
GOING = frozenset({"PENDING", "RUNNING"})
COMPLETED = "COMPLETED"
# A cluster of these states takes steps.
TAKES_STEPS = ("STARTING", "BOOTSTRAPPING", "RUNNING", "WAITING")
CONNECT_SECONDS, READ_SECONDS = 5, 20
# EMR's limits: so many ids in one question, so many steps in one cancellation, and so many open ones on a cluster.
MOST_IDS, MOST_CANCELLED, MOST_OPEN = 10, 256, 256
PATIENCE_SECONDS = 900.0
# Who has nothing on a cluster yet need not wait for EMR as long.
FIRST_SECONDS = 60.0


@dataclass(frozen=True)
class Step:
    """A step as EMR tells of it."""

    id: str
    name: str
    state: str
    created_at: datetime | None
    reason: str = ""
    log_file: str = ""
    started_at: datetime | None = None
    ended_at: datetime | None = None

    @classmethod
    def of(cls, told: dict[str, Any]) -> Step:
        status = told["Status"]
        failure = status.get("FailureDetails") or {}
        parts = [failure.get(name) or "" for name in ("Reason", "Message")]
        reason = " ".join(part for part in parts if part) or (status.get("StateChangeReason") or {}).get("Message", "")
        times = [status["Timeline"].get(f"{name}DateTime") for name in ("Creation", "Start", "End")]
        return cls(
            told["Id"], told["Name"], status["State"], times[0], reason or "", failure.get("LogFile") or "", *times[1:]
        )


class Emr:
    """EMR, as two clients ask it: one that sends what was not answered again, and one that never does.

    AddJobFlowSteps has no token that would make a second one harmless.
    """

    service = "emr"
    # How many steps one look may be for.
    most_ids = MOST_IDS

    def __init__(self, client: Any, once: Any, patience_seconds: float) -> None:
        self.client, self.once, self.patience_seconds = client, once, patience_seconds

    @classmethod
    def connect(cls, region: str = "", patience_seconds: float = PATIENCE_SECONDS) -> Emr:
        """Return EMR in a region, asked again for so long while it does not answer."""
        # It takes a third of a second to import.
        import boto3

        def client(**retries: Any) -> Any:
            waits = {"connect_timeout": CONNECT_SECONDS, "read_timeout": READ_SECONDS}
            return boto3.client(cls.service, region_name=region or None, config=Config(retries=retries, **waits))

        return cls(client(mode="adaptive", total_max_attempts=5), client(total_max_attempts=1), patience_seconds)

    @property
    def first_seconds(self) -> float:
        """How long it is asked again while nothing of it is needed yet."""
        return min(FIRST_SECONDS, self.patience_seconds)

    @property
    def region(self) -> str:
        return self.client.meta.region_name

    def tracking_url(self, cluster_id: str, step_ids: Sequence[str]) -> str:
        """Return where steps can be watched."""
        console = f"https://{self.region}.console.aws.amazon.com"
        return f"{console}/emr/home?region={self.region}#/clusterDetails/{cluster_id}"

    def cluster(self, cluster_id: str) -> dict[str, Any]:
        """Return what EMR says of a cluster."""
        return patiently(lambda: self.client.describe_cluster(ClusterId=cluster_id), self.first_seconds)["Cluster"]

    def add(self, cluster_id: str, steps: Sequence[dict[str, Any]]) -> tuple[str, ...]:
        """Return the ids of the steps that were added by the one request that is sent."""
        return tuple(self.once.add_job_flow_steps(JobFlowId=cluster_id, Steps=list(steps))["StepIds"])

    def add_again(self, cluster_id: str, steps: Sequence[dict[str, Any]], since: datetime) -> tuple[str, ...]:
        """Return the ids of steps that may have been added, where a second call adds none; EMR has no such call."""
        return ()

    def steps(self, cluster_id: str, ids: Sequence[str]) -> list[Step]:
        """Return the steps in the order of the ids, but for those that EMR does not know."""
        found = {step.id: step for some in _in_parts(ids, MOST_IDS) for step in self._known(cluster_id, some)}
        return [found[one] for one in ids if one in found]

    def _known(self, cluster_id: str, ids: list[str]) -> list[Step]:
        told = self._page(ClusterId=cluster_id, StepIds=ids)
        # EMR may refuse all for one that it does not know.
        if told is None and len(ids) > 1:
            return [step for one in ids for step in self._known(cluster_id, [one])]
        return [Step.of(one) for one in told["Steps"]] if told else []

    def named(self, cluster_id: str, name: str, since: datetime) -> list[Step]:
        """Return the steps whose names begin with a name, the first one first; only what is younger is looked at."""
        found = [step for step in self._newest_first(cluster_id, since) if step.name.startswith(f"{name} ")]
        return sorted(found, key=lambda step: step.name)

    def going(self, cluster_id: str) -> list[Step]:
        """Return the steps that run or wait, whoever sent them."""
        found: list[Step] = []
        marker: dict[str, str] = {}
        while told := self._page(ClusterId=cluster_id, StepStates=sorted(GOING), **marker):
            found += map(Step.of, told["Steps"])
            if not told.get("Marker"):
                break
            marker = {"Marker": told["Marker"]}
        return found

    def _newest_first(self, cluster_id: str, since: datetime) -> Iterator[Step]:
        # Only without a filter does EMR promise an order.
        marker: dict[str, str] = {}
        while True:
            told = self._page(ClusterId=cluster_id, **marker)
            if told is None:
                return
            for one in map(Step.of, told["Steps"]):
                if one.created_at and one.created_at < since:
                    return
                yield one
            if not told.get("Marker"):
                return
            marker = {"Marker": told["Marker"]}

    def _page(self, **asked: Any) -> dict[str, Any] | None:
        try:
            return patiently(lambda: self.client.list_steps(**asked), self.patience_seconds)
        except ClientError as error:
            # Of a cluster that ended months ago nothing is known any more.
            if code_of(error) == "InvalidRequestException":
                return None
            raise

    def instances(self, cluster_id: str) -> list[dict[str, Any]]:
        """Return the instances that a cluster has, and those that it had in the last 30 days."""
        pages = self.client.get_paginator("list_instances").paginate(ClusterId=cluster_id)
        return patiently(lambda: [one for page in pages for one in page["Instances"]], self.patience_seconds)

    def cancel(self, cluster_id: str, ids: Sequence[str]) -> None:
        """Ask EMR to end steps, and all of their processes."""
        for some in _in_parts(ids, MOST_CANCELLED):
            asked = {"ClusterId": cluster_id, "StepIds": some, "StepCancellationOption": "TERMINATE_PROCESS"}
            patiently(partial(self.client.cancel_steps, **asked), self.patience_seconds)


def _in_parts(ids: Iterable[str], size: int) -> Iterator[list[str]]:
    ids = list(ids)
    for start in range(0, len(ids), size):
        yield ids[start : start + size]
