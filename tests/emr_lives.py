"""How the clusters of a twin of EMR come up, wait and end, where moto's are there at once and stay.

A cluster takes steps from when it is made, and runs them once it is up. One that was to be slow comes up, or fails to,
when it is released.
"""

from __future__ import annotations

import json
import threading
from typing import Any

from emr_executor import OPEN, Executor
from emr_faults import Faults
from moto.emr import models
from moto.emr.responses import ElasticMapReduceResponse

NOT_UP = {"Code": "BOOTSTRAP_FAILURE", "Message": "On the master instance (i-0123456789abcdef0), a script failed"}
ASKED = {"Code": "USER_REQUEST", "Message": "Terminated by user request"}
SHORTEST_IDLE_SECONDS, LONGEST_IDLE_SECONDS = 60, 604_800


class Lives:
    """The lives of all clusters."""

    def __init__(self, executor: Executor, faults: Faults) -> None:
        self.executor, self.faults = executor, faults

    def begin(self, cluster: Any) -> None:
        fault = self.faults.meet(cluster.name, "start")
        if fault is None:
            self._up(cluster)
            return
        cluster.state = "STARTING"
        released = self.faults.hold()
        threading.Thread(target=self._go_on, args=(cluster, released, fault.about["fails"]), daemon=True).start()

    def end(self, cluster: Any) -> None:
        """End a cluster as its owner asks for; one that has ended stays as it was."""
        if not cluster.state.startswith("TERMINATED"):
            self.executor.terminate(cluster, "TERMINATED", ASKED)

    def idle(self, cluster: Any) -> bool:
        """End a cluster if it would, once it had nothing to do for as long as its policy says; say whether."""
        is_idle = not any(step.state in OPEN for step in cluster.steps)
        if is_idle and cluster.idle_seconds:
            self.end(cluster)
        return is_idle and bool(cluster.idle_seconds)

    def _go_on(self, cluster: Any, released: threading.Event, fails: bool) -> None:
        released.wait()
        if cluster.state.startswith("TERMINATED"):
            return
        if fails:
            self.executor.terminate(cluster, "TERMINATED_WITH_ERRORS", NOT_UP)
        else:
            self._up(cluster)

    def _up(self, cluster: Any) -> None:
        cluster.ready_datetime, cluster.state = models.utcnow(), "WAITING"
        self.executor.go_on(cluster)


def refusal(asked: dict[str, Any]) -> str:
    """Return why EMR makes no cluster of a request."""
    idle = asked.get("AutoTerminationPolicy", {}).get("IdleTimeout", SHORTEST_IDLE_SECONDS)
    if not SHORTEST_IDLE_SECONDS <= idle <= LONGEST_IDLE_SECONDS:
        return f"IdleTimeout must be between {SHORTEST_IDLE_SECONDS} and {LONGEST_IDLE_SECONDS}."
    return "" if "ReleaseLabel" in asked else "ReleaseLabel is required."


def mend(lives: Lives) -> None:
    """Give moto's clusters their lives."""
    status, run_job_flow = models.Cluster.status.fget, ElasticMapReduceResponse.run_job_flow

    def status_with_reason(cluster: Any) -> dict[str, Any]:
        return dict(status(cluster)) | {"StateChangeReason": getattr(cluster, "reason", {})}

    def run_with_policy(response: Any) -> Any:
        answer = run_job_flow(response)
        cluster = response.backend.describe_cluster(answer._result["JobFlowId"])
        asked = json.loads(response.body)
        cluster.idle_seconds = asked.get("AutoTerminationPolicy", {}).get("IdleTimeout")
        cluster.fleets = asked["Instances"].get("InstanceFleets", [])
        return answer

    models.Cluster.status = property(status_with_reason)
    models.Cluster.run_bootstrap_actions = lambda cluster: lives.begin(cluster)
    models.Cluster.terminate = lambda cluster: lives.end(cluster)
    ElasticMapReduceResponse.run_job_flow = run_with_policy
