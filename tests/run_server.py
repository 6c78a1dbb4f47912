"""A twin of Systems Manager and of ECS for tests: moto's API, and runs that end when, and as, a test says.

What moto passes over and AWS does is done here. A command is for an instance that there is and of a document that there
is, with parameters that fit its patterns; it is pending until somebody ends it; ListCommands has filters and pages. A
task of a token that was seen is the same task.
"""

from __future__ import annotations

import json
import re
import socket
import threading
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any

from emr_faults import Faults
from moto.core import DEFAULT_ACCOUNT_ID
from moto.core.responses import ActionResult
from moto.ecs.models import ecs_backends
from moto.ecs.responses import EC2ContainerServiceResponse
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from moto.ssm.exceptions import SSMException
from moto.ssm.models import Command, ssm_backends
from moto.ssm.responses import SimpleSystemManagerResponse
from werkzeug.serving import make_server

INSTANCE = "i-0123456789abcdef0"
# Small, so that every test has pages; AWS has fifty.
PAGE = 2
Start = Callable[..., Any]


class Quiet(MotoRequestHandler):
    """Says nothing of the requests."""

    def log_request(self, *about: Any) -> None:
        """Say nothing."""


class RunServer:
    """The server, and what a test looks at and does there."""

    def __init__(self, region: str) -> None:
        self.region, self.faults = region, Faults()
        self.is_sent: Callable[[Command], None] = lambda command: None
        self.refuses_tasks = ""
        self.moto = DomainDispatcherApplication(create_backend_app)
        _mend_moto(self)
        self.server = make_server("127.0.0.1", 0, self, threaded=True, request_handler=Quiet)
        self.endpoint = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def forget(self) -> None:
        """Forget what the last test asked for, and made."""
        self.faults.forget()
        self.is_sent, self.refuses_tasks = lambda command: None, ""
        self.commands.clear()
        self.tasks.clear()

    @property
    def commands(self) -> list[Command]:
        return ssm_backends[DEFAULT_ACCOUNT_ID][self.region]._commands

    @property
    def tasks(self) -> dict[str, Any]:
        """The tasks of the one cluster, by their ARNs."""
        return ecs_backends[DEFAULT_ACCOUNT_ID][self.region].tasks.setdefault("runs", {})

    def __call__(self, environ: dict[str, Any], start: Start) -> Iterable[bytes]:
        action = environ.get("HTTP_X_AMZ_TARGET", "").rpartition(".")[2]
        self.faults.calls.append(action)
        fault = self.faults.meet(action, "throttle", "error", "cut")
        if fault and fault.kind == "throttle":
            return _refuse(start, "400 BAD REQUEST", "ThrottlingException", "Rate exceeded")
        if fault and fault.kind == "cut" and fault.before:
            _cut(environ)
        answered: list[Any] = []
        body = b"".join(self.moto(environ, lambda *status, **_: answered.extend(status[:2])))
        if fault and fault.kind == "error":
            return _refuse(start, "500 INTERNAL SERVER ERROR", "InternalServerError", "Try again")
        if fault:
            _cut(environ)
        start(*answered)
        return [body]


def _refuse(start: Start, status: str, code: str, message: str) -> list[bytes]:
    body = json.dumps({"__type": code, "message": message}).encode()
    start(status, [("Content-Type", "application/x-amz-json-1.1"), ("Content-Length", str(len(body)))])
    return [body]


def _cut(environ: dict[str, Any]) -> None:
    environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
    raise ConnectionError


def _mend_moto(server: RunServer) -> None:
    """Give moto the parts of the two services that it leaves out."""
    send, run = SimpleSystemManagerResponse.send_command, EC2ContainerServiceResponse.run_task
    tasks: dict[str, ActionResult] = {}

    def send_command(response: Any) -> ActionResult:
        _check(response)
        answer = send(response)
        command = response.ssm_backend._commands[-1]
        command.status = command.status_details = "Pending"
        server.is_sent(command)
        return answer

    def list_commands(response: Any) -> ActionResult:
        found = response.ssm_backend.list_commands(response._get_param("CommandId"), None)
        filters = {one["key"]: one["value"] for one in response._get_param("Filters") or ()}
        fit = [one for one in reversed(found) if _fits(one, filters)]
        first = int(response._get_param("NextToken") or 0)
        more = {"NextToken": str(first + PAGE)} if len(fit) > first + PAGE else {}
        return ActionResult({"Commands": [one.response_object() for one in fit[first : first + PAGE]], **more})

    def run_task(response: Any) -> ActionResult:
        token = response._get_param("clientToken")
        if server.refuses_tasks:
            return ActionResult({"tasks": [], "failures": [{"reason": server.refuses_tasks}]})
        return tasks.get(token) or tasks.setdefault(token, run(response))

    SimpleSystemManagerResponse.send_command = send_command
    SimpleSystemManagerResponse.list_commands = list_commands
    EC2ContainerServiceResponse.run_task = run_task


def _fits(command: Command, filters: dict[str, str]) -> bool:
    after = datetime.strptime(filters.get("InvokedAfter", "1970-01-01T00:00:00Z"), "%Y-%m-%dT%H:%M:%SZ")
    is_of = filters.get("DocumentName") in (None, command.document_name)
    return is_of and command.requested_date_time.replace(tzinfo=None) > after


def _check(response: Any) -> None:
    """Refuse what SSM refuses."""
    if response._get_param("InstanceIds") != [INSTANCE]:
        raise SSMException("InvalidInstanceId", "Instances not in a valid state for account")
    content = document(response.ssm_backend, response._get_param("DocumentName"))
    given = response._get_param("Parameters", {})
    patterns = {name: about["allowedPattern"] for name, about in content["parameters"].items()}
    if set(given) != set(patterns) or not all(re.search(patterns[name], *given[name]) for name in given):
        raise SSMException("InvalidParameters", f"Parameters do not fit the document: {given}")
    if len(response._get_param("Comment")) > 100:
        raise SSMException("ValidationException", "Comment is too long")


def document(backend: Any, name: str) -> dict[str, Any]:
    """Return what a document says is to be run."""
    return json.loads(backend.get_document(name, "$LATEST", "", "JSON")["Content"])
