"""The calls of EMR's API that make, find and end clusters."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from functools import partial
from typing import Any

from botocore.exceptions import ClientError

from emr.answers import code_of, patiently
from emr.api import OPEN, TAKES_STEPS, Emr

# Why a cluster ended that did not end badly.
WELL_ENDED = frozenset({"", "USER_REQUEST", "ALL_STEPS_COMPLETED"})


def make(emr: Emr, request: dict[str, Any]) -> str:
    """Return the id of the cluster that the one request that is sent makes."""
    return emr.once.run_job_flow(**request)["JobFlowId"]


def end(emr: Emr, cluster_id: str) -> None:
    """Have a cluster end; one that has ended stays as it is."""
    try:
        patiently(lambda: emr.client.terminate_job_flows(JobFlowIds=[cluster_id]), emr.first_seconds)
    except ClientError:
        # EMR knows nothing any more of one that ended long ago.
        if known(emr, cluster_id) is not None:
            raise


def named(emr: Emr, name: str, since: datetime) -> list[dict[str, Any]]:
    """Return the clusters of a name that were made since then, in whatever state they are."""
    return [one for one in _listed(emr, CreatedAfter=since) if one["Name"] == name]


def ready(emr: Emr) -> Iterator[dict[str, Any]]:
    """Yield the clusters of the account and region that take steps."""
    return _listed(emr, ClusterStates=list(TAKES_STEPS))


def known(emr: Emr, cluster_id: str) -> dict[str, Any] | None:
    """Return what EMR says of a cluster, or None: of one that ended months ago it knows nothing any more."""
    try:
        return emr.cluster(cluster_id)
    except ClientError as error:
        if code_of(error) == "InvalidRequestException":
            return None
        raise


def count_open(emr: Emr, cluster_id: str) -> int:
    """Return how many steps of a cluster, whoever sent them, have not ended."""
    return sum(len(page["Steps"]) for page in _pages(emr, "list_steps", ClusterId=cluster_id, StepStates=sorted(OPEN)))


def takes_steps(cluster: dict[str, Any] | None) -> bool:
    return cluster is not None and cluster["Status"]["State"] in TAKES_STEPS


def has_failed(cluster: dict[str, Any]) -> bool:
    """Say whether a cluster that takes no steps came to a bad end, rather than to one that was asked for."""
    status = cluster["Status"]
    reason = (status.get("StateChangeReason") or {}).get("Code") or ""
    return status["State"] == "TERMINATED_WITH_ERRORS" or reason not in WELL_ENDED


def state_of(cluster: dict[str, Any]) -> str:
    """Return the state of a cluster, and EMR's reason for it."""
    status = cluster["Status"]
    reason = status.get("StateChangeReason") or {}
    told = ": ".join(part for part in (reason.get("Code"), (reason.get("Message") or "").rstrip(".")) if part)
    return f"{status['State']} ({told})" if told else status["State"]


def _listed(emr: Emr, **filters: Any) -> Iterator[dict[str, Any]]:
    for page in _pages(emr, "list_clusters", **filters):
        yield from page["Clusters"]


def _pages(emr: Emr, action: str, **asked: Any) -> Iterable[dict[str, Any]]:
    marker: dict[str, str] = {}
    while True:
        told = patiently(partial(getattr(emr.client, action), **asked, **marker), emr.patience_seconds)
        yield told
        if not told.get("Marker"):
            return
        marker = {"Marker": told["Marker"]}
