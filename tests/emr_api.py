"""EMR's API for tests: moto's, with what moto leaves out, and with the faults that a test asked for.

What moto passes over and EMR refuses is refused here: a step filter of more than ten ids, a step or a cluster that
does not exist, steps for a cluster that has ended, more than 256 open ones, and CANCEL_AND_WAIT where steps run side by
side. CancelSteps, FailureDetails and the state of a step that waits are EMR's.
"""

from __future__ import annotations

import io
import json
import socket
from collections.abc import Callable, Iterable
from typing import Any

from emr_executor import OPEN, Executor
from emr_faults import Fault, Faults
from emr_instances import list_instances
from emr_lives import Lives, mend, refusal
from moto.core import DEFAULT_ACCOUNT_ID
from moto.core.responses import ActionResult
from moto.core.utils import get_pagination_model
from moto.emr import models
from moto.emr.responses import ElasticMapReduceResponse
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app

PAGE, MOST_OPEN, MOST_IDS = 50, 256, 10
Start = Callable[..., Any]


class Api:
    """The application that answers each call."""

    def __init__(self, region: str, executor: Executor, faults: Faults) -> None:
        self.region, self.faults = region, faults
        self.moto = DomainDispatcherApplication(create_backend_app)
        # moto finds a region in the names of Amazon's hosts only.
        ElasticMapReduceResponse.default_region = region
        _mend_moto(executor)
        self.lives = Lives(executor, faults)
        mend(self.lives)

    def __call__(self, environ: dict[str, Any], start: Start) -> Iterable[bytes]:
        action = environ.get("HTTP_X_AMZ_TARGET", "").rpartition(".")[2]
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        environ["wsgi.input"] = io.BytesIO(body)
        self.faults.calls.append(action)
        fault = self.faults.meet(action, "throttle", "cut", "hold")
        if fault and fault.before:
            refusal = self._strike(fault, environ)
            if refusal:
                return _refuse(start, "ThrottlingException", refusal)
        why = self._refusal(action, json.loads(body or b"{}"))
        if why:
            return _refuse(start, "InvalidRequestException", why)
        answer = self._answer(environ)
        if fault and not fault.before:
            self._strike(fault, environ)
        start(*answer[0])
        return [answer[1]]

    def _answer(self, environ: dict[str, Any]) -> tuple[list[Any], bytes]:
        started: list[Any] = []
        body = b"".join(self.moto(environ, lambda *status, **_: started.extend(status[:2])))
        return started, body

    def _strike(self, fault: Fault, environ: dict[str, Any]) -> str:
        """Return why the call is refused; it may also be held up, or have its connection cut."""
        if fault.kind == "hold":
            self.faults.hold().wait()
        if fault.kind == "cut" or fault.about.get("is_lost"):
            environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
            raise ConnectionError
        return "Rate exceeded" if fault.kind == "throttle" else ""

    def _refusal(self, action: str, asked: dict[str, Any]) -> str:
        if action == "RunJobFlow":
            return refusal(asked)
        name = asked.get("ClusterId") or asked.get("JobFlowId") or next(iter(asked.get("JobFlowIds", ())), None)
        clusters = models.emr_backends[DEFAULT_ACCOUNT_ID][self.region].clusters
        if not isinstance(name, str):
            return ""
        if name not in clusters:
            return f"Cluster id '{name}' is not valid."
        known = {step.id for step in clusters[name].steps}
        if asked.get("StepId", "") not in known | {""}:
            return f"Step id '{asked['StepId']}' is not valid."
        if action == "ListSteps" and len(asked.get("StepIds", ())) > MOST_IDS:
            return f"Specify at most {MOST_IDS} step ids."
        return _unfit(clusters[name], asked["Steps"]) if action == "AddJobFlowSteps" else ""


def _unfit(cluster: Any, steps: list[dict[str, Any]]) -> str:
    """Return why a cluster cannot take some steps."""
    if cluster.state.startswith("TERMINATED"):
        return "A job flow that is shutting down, terminated, or finished may not be modified."
    if len([step for step in cluster.steps if step.state in OPEN]) + len(steps) > MOST_OPEN:
        return f"Maximum number of active steps (PENDING or RUNNING) for cluster exceeded: {MOST_OPEN}."
    if cluster.step_concurrency_level > 1 and any(step.get("ActionOnFailure") != "CONTINUE" for step in steps):
        return "ActionOnFailure must be CONTINUE when StepConcurrencyLevel is greater than 1."
    return ""


def _refuse(start: Start, code: str, message: str) -> list[bytes]:
    body = json.dumps({"__type": code, "message": message}).encode()
    start("400 BAD REQUEST", [("Content-Type", "application/x-amz-json-1.1"), ("Content-Length", str(len(body)))])
    return [body]


def _mend_moto(executor: Executor) -> None:
    """Give moto the parts of EMR that it leaves out."""
    status = models.Step.status.fget

    def add_steps(cluster: Any, steps: list[dict[str, Any]]) -> list[models.Step]:
        return executor.add(cluster, [models.Step(state="PENDING", **step) for step in steps])

    def status_with_failure(step: Any) -> dict[str, Any]:
        told = dict(status(step))
        told["StateChangeReason"] = {key: value for key, value in told["StateChangeReason"].items() if value}
        return told | {"FailureDetails": getattr(step, "failure", None)}

    def cancel_steps(response: Any) -> ActionResult:
        cluster = response.backend.describe_cluster(response._get_param("ClusterId"))
        return ActionResult({"CancelStepsInfoList": executor.cancel(cluster, response._get_param("StepIds", []))})

    models.Cluster.add_steps = add_steps
    models.Step.status = property(status_with_failure)
    ElasticMapReduceResponse.cancel_steps = cancel_steps
    ElasticMapReduceResponse.list_instances = list_instances
    get_pagination_model("emr")["ListSteps"]["limit_default"] = PAGE
