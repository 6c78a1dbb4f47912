"""Where a day's run is made: a command on the host by Systems Manager, or a task of ECS."""

from __future__ import annotations

import os
import re
from abc import ABC, abstractmethod
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

RUNNING, DONE, FAILED, FORGOTTEN = "running", "done", "failed", "forgotten"
# As far the runner's clock may be behind that of a claim.
BEHIND = timedelta(minutes=5)
NAMED = re.compile(r"^\d{4}-\d{2}-\d{2}-[0-9a-f]{25}$")


class NotStarted(Exception):
    """There is no run, and there will be none of what was asked."""


@dataclass(frozen=True)
class Ended:
    """What is told of a run when it has ended; its name begins with its day."""

    run: str
    name: str
    state: str


class Runs(ABC):
    """What makes runs, each under the name that it was given."""

    @abstractmethod
    def is_one(self, run: str) -> bool:
        """Say whether it is the id of a run that this makes."""

    @abstractmethod
    def start(self, day: str, name: str) -> str:
        """Return the id of a run that was started now. Raises NotStarted if there is surely none."""

    @abstractmethod
    def resume(self, day: str, name: str, since: datetime) -> str | None:
        """Return the id of the run that was started by that name, if its answer was lost; None if there is none."""

    @abstractmethod
    def state(self, run: str) -> str:
        """Return how a run is doing: RUNNING, DONE, FAILED, or FORGOTTEN."""

    @abstractmethod
    def ended(self, event: dict[str, Any]) -> Ended | None:
        """Return what EventBridge tells of a run that was started here, or None if it was another."""


class Commands(Runs):
    """Runs on the host, by a document of which the day is the only parameter."""

    # What else there is has ended without the run's having made its day.
    STATES = {"Pending": RUNNING, "InProgress": RUNNING, "Delayed": RUNNING, "Cancelling": RUNNING, "Success": DONE}

    def __init__(self, ssm: Any, document: str, instance: str) -> None:
        self.ssm, self.document, self.instance = ssm, document, instance

    def is_one(self, run: str) -> bool:
        return re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", run) is not None

    def start(self, day: str, name: str) -> str:
        command = self.ssm.send_command(
            DocumentName=self.document, InstanceIds=[self.instance], Parameters={"date": [day]}, Comment=name
        )
        return str(command["Command"]["CommandId"])

    def resume(self, day: str, name: str, since: datetime) -> str | None:
        after = (since - BEHIND).strftime("%Y-%m-%dT%H:%M:%SZ")
        asked = [{"key": "InvokedAfter", "value": after}, {"key": "DocumentName", "value": self.document}]
        pages = self.ssm.get_paginator("list_commands").paginate(Filters=asked)
        commands = (one for page in pages for one in page["Commands"])
        return next((str(one["CommandId"]) for one in commands if one["Comment"] == name), None)

    def state(self, run: str) -> str:
        command = self._command(run)
        return self.STATES.get(command["Status"], FAILED) if command else FORGOTTEN

    def ended(self, event: dict[str, Any]) -> Ended | None:
        told = event["detail"]
        command = self._command(told["command-id"]) if told["document-name"] == self.document else None
        name = command["Comment"] if command else ""
        if not NAMED.match(name):
            return None
        return Ended(told["command-id"], name, self.STATES.get(told["status"], FAILED))

    def _command(self, run: str) -> dict[str, Any] | None:
        try:
            [command] = self.ssm.list_commands(CommandId=run)["Commands"] or [None]
        except self.ssm.exceptions.InvalidCommandId:
            return None
        return command


class Tasks(Runs):
    """Runs as tasks of ECS on Fargate, of a definition whose image has Lakeshift in it."""

    def __init__(self, ecs: Any, cluster: str, definition: str, container: str, network: dict[str, list[str]]) -> None:
        self.ecs, self.cluster, self.definition, self.container = ecs, cluster, definition, container
        self.network = network

    def is_one(self, run: str) -> bool:
        return re.match(r"arn:[a-z-]+:ecs:", run) is not None

    def start(self, day: str, name: str) -> str:
        """Return the ARN of the one task of that name."""
        command = ["luigi", "--module", "pipeline.stocks", "HistoricalStocks", "--date", day]
        network = {**self.network, "assignPublicIp": "DISABLED"}
        answer = self.ecs.run_task(
            cluster=self.cluster, taskDefinition=self.definition, launchType="FARGATE", startedBy=name,
            clientToken=name, networkConfiguration={"awsvpcConfiguration": network},
            overrides={"containerOverrides": [{"name": self.container, "command": command}]},
        )  # fmt: skip
        if not answer["tasks"]:
            raise NotStarted("; ".join(str(one.get("reason")) for one in answer["failures"]))
        return str(answer["tasks"][0]["taskArn"])

    def resume(self, day: str, name: str, since: datetime) -> str | None:
        # ECS starts no second task of a token, and answers with the first.
        return self.start(day, name)

    def state(self, run: str) -> str:
        tasks = self.ecs.describe_tasks(cluster=self.cluster, tasks=[run])["tasks"]
        return _state_of_task(tasks[0]) if tasks else FORGOTTEN

    def ended(self, event: dict[str, Any]) -> Ended | None:
        told = event["detail"]
        name = told.get("startedBy", "")
        return Ended(told["taskArn"], name, _state_of_task(told)) if NAMED.match(name) else None


def _state_of_task(task: dict[str, Any]) -> str:
    if task["lastStatus"] != "STOPPED":
        return RUNNING
    # A container that never ran has no exit code.
    return DONE if all(one.get("exitCode") == 0 for one in task["containers"]) else FAILED


def runs(client: Any) -> Runs:
    """Return what makes runs, as the function's environment says; client makes a client of a service."""
    given = os.environ
    if given["RUNNER"] == "host":
        return Commands(client("ssm"), given["DOCUMENT"], given["INSTANCE"])
    network = {"subnets": given["SUBNETS"].split(","), "securityGroups": given["SECURITY_GROUPS"].split(",")}
    return Tasks(client("ecs"), given["CLUSTER"], given["TASK_DEFINITION"], given["CONTAINER"], network)
