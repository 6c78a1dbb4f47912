"""EMR Serverless's API for tests: it knows a client token again, and has the faults that a test asked for."""

from __future__ import annotations

import json
import re
import socket
import time
import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import parse_qs

from emr_faults import Fault, Faults

FEW, LONG_AGO = 10, "1970-01-01T00:00:00Z"
# Only GetJobRun tells how a job run was asked for.
ONLY_OF_ONE = frozenset(
    {
        "jobRunId",
        "jobDriver",
        "configurationOverrides",
        "startedAt",
        "endedAt",
        "tags",
        "totalResourceUtilization",
        "billedResourceUtilization",
    }
)
ENDED = frozenset({"SUCCESS", "FAILED", "CANCELLED"})
PATH = re.compile(r"/applications/(?P<application>[^/]+)(?P<runs>/jobruns)?(?:/(?P<run>[^/]+))?")
NAME = re.compile(r"[0-9a-z]{1,64}")
ACTIONS = {
    ("GET", False, False): "GetApplication",
    ("POST", True, False): "StartJobRun",
    ("GET", True, False): "ListJobRuns",
    ("GET", True, True): "GetJobRun",
    ("DELETE", True, True): "CancelJobRun",
}
Start = Callable[..., Any]


class Refused(Exception):
    """The call is answered by an error."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.code, self.status = code, status


@dataclass
class JobRun:
    """A job run, from the request that began it to its end."""

    application_id: str
    request: dict[str, Any]
    id: str = field(default_factory=lambda: f"00{uuid.uuid4().hex[:14]}")
    state: str = "SUBMITTED"
    details: str = "Job run is accepted."
    created_at: float = field(default_factory=time.time)
    started_at: float | None = None
    ended_at: float | None = None

    @property
    def name(self) -> str:
        return self.request.get("name", "")

    def told(self) -> dict[str, Any]:
        times = {"startedAt": self.started_at, "endedAt": self.ended_at}
        return {
            "applicationId": self.application_id, "jobRunId": self.id, "id": self.id, "name": self.name,
            "state": self.state, "stateDetails": self.details, "createdAt": self.created_at,
            "updatedAt": self.ended_at or self.started_at or self.created_at, "releaseLabel": "emr-7.9.0",
            **{key: self.request.get(key) for key in ("jobDriver", "configurationOverrides", "tags")},
            **{key: value for key, value in times.items() if value},
            **self._billed(),
        }  # fmt: skip

    def _billed(self) -> dict[str, Any]:
        """Return what is told after its end of what a driver of 4 vCPU and 16 GB costs: a minute at least."""
        if not (self.started_at and self.ended_at):
            return {}
        hours = max(self.ended_at - self.started_at, 60) / 3600
        used = {"vCPUHour": 4 * hours, "memoryGBHour": 16 * hours, "storageGBHour": 0.0}
        return {"totalResourceUtilization": used, "billedResourceUtilization": used}


@dataclass
class Application:
    """What takes job runs."""

    state: str = "STARTED"
    starts: bool = True
    runs: dict[str, JobRun] = field(default_factory=dict)
    tokens: dict[str, JobRun] = field(default_factory=dict)

    def told(self) -> dict[str, Any]:
        return {"state": self.state, "autoStartConfiguration": {"enabled": self.starts}}


class Api:
    """The application of the web that answers each call."""

    def __init__(self, begin: Callable[[JobRun], None], faults: Faults) -> None:
        self.begin, self.faults = begin, faults
        self.applications: dict[str, Application] = {}

    def __call__(self, environ: dict[str, Any], start: Start) -> Iterable[bytes]:
        asked = PATH.fullmatch(environ["PATH_INFO"])
        assert asked, environ["PATH_INFO"]
        action = ACTIONS[environ["REQUEST_METHOD"], bool(asked["runs"]), bool(asked["run"])]
        body = json.loads(environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0)) or b"{}")
        body |= _query(environ)
        self.faults.calls.append(action)
        fault = self.faults.meet(action, "throttle", "cut", "hold")
        try:
            if fault and fault.before:
                self._strike(fault, environ)
            told = getattr(self, action)(self._application(asked["application"]), asked, body)
            self.faults.calls.append(f"{action} carried out")
            if fault and not fault.before:
                self._strike(fault, environ)
        except Refused as refused:
            error = ("X-Amzn-ErrorType", refused.code)
            return _answer(start, f"{refused.status} REFUSED", {"message": str(refused)}, error)
        return _answer(start, "200 OK", told)

    def _strike(self, fault: Fault, environ: dict[str, Any]) -> None:
        if fault.kind == "hold":
            self.faults.hold().wait()
        if fault.kind == "cut" or fault.about.get("is_lost"):
            environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
            raise ConnectionError
        if fault.kind == "throttle":
            raise Refused("ThrottlingException", "Rate exceeded", 429)

    def _application(self, name: str) -> Application:
        if not NAME.fullmatch(name):
            raise Refused("ValidationException", f"{name} is no id")
        if name not in self.applications:
            raise Refused("ResourceNotFoundException", f"Application {name} does not exist", 404)
        return self.applications[name]

    def GetApplication(self, application: Application, asked: re.Match[str], body: dict[str, Any]) -> dict[str, Any]:
        return {"application": application.told()}

    def StartJobRun(self, application: Application, asked: re.Match[str], body: dict[str, Any]) -> dict[str, Any]:
        if application.state == "TERMINATED" or (application.state == "STOPPED" and not application.starts):
            raise Refused("ValidationException", f"Application is {application.state}")
        # One step, so that of two calls at once one is the first.
        new = JobRun(asked["application"], body)
        run = application.tokens.setdefault(body["clientToken"], new)
        if run.request != body:
            raise Refused("ConflictException", "The token was used with other parameters", 409)
        if run is new:
            application.runs[run.id] = run
            self.begin(run)
        return {"applicationId": run.application_id, "jobRunId": run.id, "arn": f"arn:aws:emr-serverless:::{run.id}"}

    def ListJobRuns(self, application: Application, asked: re.Match[str], body: dict[str, Any]) -> dict[str, Any]:
        after = _moment(body.get("createdAtAfter", LONG_AGO))
        first, most = int(body.get("nextToken", 0)), int(body.get("maxResults", FEW))
        found = {} if self.faults.meet("ListJobRuns", "leave out") else application.runs
        states = body.get("states") or [run.state for run in found.values()]
        runs = [run.told() for run in reversed(found.values()) if run.created_at > after and run.state in states]
        shown = [{key: run[key] for key in run.keys() - ONLY_OF_ONE} for run in runs]
        more = {"nextToken": str(first + most)} if len(shown) > first + most else {}
        return {"jobRuns": shown[first : first + most], **more}

    def GetJobRun(self, application: Application, asked: re.Match[str], body: dict[str, Any]) -> dict[str, Any]:
        return {"jobRun": self._run(application, asked["run"]).told()}

    def CancelJobRun(self, application: Application, asked: re.Match[str], body: dict[str, Any]) -> dict[str, Any]:
        run = self._run(application, asked["run"])
        if run.state in ENDED:
            raise Refused("ValidationException", f"Job run {run.id} is {run.state}")
        run.state = "CANCELLING"
        return {"applicationId": run.application_id, "jobRunId": run.id}

    def _run(self, application: Application, name: str) -> JobRun:
        if name not in application.runs:
            raise Refused("ResourceNotFoundException", f"JobRun {name} does not exist", 404)
        return application.runs[name]


def _query(environ: dict[str, Any]) -> dict[str, Any]:
    query = parse_qs(environ.get("QUERY_STRING", ""))
    return {key: values if key == "states" else values[0] for key, values in query.items()}


def _moment(text: str) -> float:
    return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


def _answer(start: Start, status: str, told: dict[str, Any], *headers: tuple[str, str]) -> list[bytes]:
    body = json.dumps(told).encode()
    start(status, [("Content-Type", "application/json"), ("Content-Length", str(len(body))), *headers])
    return [body]
