"""A twin of EMR for a test, with one cluster, and what goes wrong on it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from fixtures_s3 import REGION, new_bucket
from processes import wait_until

from pipeline.core.spark.java import java_options

__all__ = ["Emr", "emr", "emr_process"]

INSTANCES = {"MasterInstanceType": "m7g.xlarge", "SlaveInstanceType": "m7g.xlarge", "InstanceCount": 3}
LEFT = ("COMPLETED", "FAILED", "CANCELLED", "INTERRUPTED")


class Emr:
    """A cluster that runs its steps one after the other, or as many side by side as it is made for."""

    def __init__(self, process: subprocess.Popen[str], s3_endpoint: str, side_by_side: int = 1) -> None:
        self.process, self.turn = process, threading.Lock()
        self.endpoint_url = f"http://127.0.0.1:{self._ask('start')}"
        self.log_uri = f"{new_bucket(s3_endpoint)}/logs/"
        self.client = boto3.client("emr", endpoint_url=self.endpoint_url, region_name=REGION)
        self.cluster_id = self.new_cluster(side_by_side)

    @property
    def environment(self) -> dict[str, str]:
        """What a process needs to find this EMR in the place of Amazon's."""
        return {"AWS_ENDPOINT_URL_EMR": self.endpoint_url}

    def new_cluster(self, side_by_side: int = 1, **tags: str) -> str:
        """Return the id of a cluster that waits for steps."""
        return self.client.run_job_flow(
            Name="lakeshift", ReleaseLabel="emr-7.0.0", LogUri=self.log_uri, StepConcurrencyLevel=side_by_side,
            Instances={**INSTANCES, "KeepJobFlowAliveWhenNoSteps": True},
            Tags=[{"Key": f"lakeshift:{key}", "Value": value} for key, value in tags.items()],
        )["JobFlowId"]  # fmt: skip

    def steps(self) -> list[tuple[str, str]]:
        """Return the name and the state of each step of the cluster, in the order in which they came."""
        return [(name, state) for name, state in self._ask("steps", cluster_id=self.cluster_id)]

    def states(self) -> list[str]:
        return [state for _, state in self.steps()]

    def made(self) -> list[dict[str, Any]]:
        """Return id, name, state and tags of the clusters that were made beside the test's own, in their order."""
        return [one for one in self._ask("made") if one["name"] != "lakeshift"]

    def idle(self, cluster_id: str) -> bool:
        """Let a cluster have nothing to do for as long as its policy says, and say whether it ended."""
        return self._ask("idle", cluster_id=cluster_id)

    def start_slowly(self, part: str = "", fails: bool = False, **which: int) -> None:
        """Let clusters come up, or fail to, only when they are released."""
        self._ask("fault", kind="start", part=part, about={"fails": fails}, **which)

    def calls(self, action: str) -> int:
        """Return how often an action was asked for."""
        return self._ask("calls").count(action)

    def hdfs(self) -> list[str]:
        """Return the paths of the files that the cluster's HDFS holds."""
        return self._ask("hdfs", cluster_id=self.cluster_id)

    def fail(self, part: str, stderr: str = "", **which: int) -> None:
        """Let steps fail whose name holds a text, with something on stderr; `times` (1), after `skip` (0) others."""
        self._ask("fault", kind="fail", part=part, about={"stderr": stderr}, **which)

    def stall(self, part: str, before: bool = True, **which: int) -> None:
        """Let steps stay RUNNING, before they do anything or when they have done all, until `release`."""
        self._ask("fault", kind="stall", part=part, before=before, **which)

    def lose(self, part: str, **which: int) -> None:
        """Let EMR forget steps when it is their turn."""
        self._ask("fault", kind="lose", part=part, **which)

    def throttle(self, action: str = "", **which: int) -> None:
        """Refuse calls of an action, or any, with a ThrottlingException."""
        self._ask("fault", kind="throttle", part=action, **which)

    def lose_answer(self, action: str, **which: int) -> None:
        """Carry calls of an action out, and cut the connection in the place of an answer."""
        self._ask("fault", kind="cut", part=action, before=False, **which)

    def lose_call(self, action: str, **which: int) -> None:
        """Cut the connection, and do nothing."""
        self._ask("fault", kind="cut", part=action, **which)

    def hold(self, action: str, before: bool = True, is_lost: bool = False, **which: int) -> None:
        """Hold calls up before they are carried out, or before they are answered, until `release`; or they are lost."""
        self._ask("fault", kind="hold", part=action, before=before, about={"is_lost": is_lost}, **which)

    def terminate(self) -> None:
        """Let the cluster die."""
        self._ask("terminate", cluster_id=self.cluster_id)

    def delay_logs(self, seconds: float | None) -> None:
        """Write the logs of steps so long after their end; with None, never."""
        self._ask("delay_logs", seconds=seconds)

    def wait_until_held(self, number: int = 1) -> None:
        """Wait until calls or steps are held up."""
        wait_until(lambda: self._ask("held") == number, 60)

    def wait_until_over(self, seconds: float = 120) -> list[str]:
        """Return the states of the steps once all have ended."""
        wait_until(lambda: all(state in LEFT for state in self.states()), seconds)
        return self.states()

    def release(self) -> None:
        self._ask("release")

    def unmet_faults(self) -> list[str]:
        return self._ask("unmet")

    def _ask(self, do: str, **what: Any) -> Any:
        assert self.process.stdin and self.process.stdout
        with self.turn:
            self.process.stdin.write(f"{json.dumps({'do': do} | what)}\n")
            self.process.stdin.flush()
            answer = self.process.stdout.readline()
        assert answer, f"the twin of EMR ended: {self.process.args}"
        return json.loads(answer)


@pytest.fixture(scope="session")
def emr_process(tmp_path_factory: pytest.TempPathFactory, ministack: str) -> Iterator[subprocess.Popen[str]]:
    """The process of the clusters of a test session; their steps read and write MiniStack's S3."""
    folder = tmp_path_factory.mktemp("emr")
    command = [sys.executable, str(Path(__file__).with_name("emr_server.py")), str(folder), ministack, REGION]
    environment = os.environ | {"EMR_JAVA_OPTIONS": java_options(), "AWS_DEFAULT_REGION": REGION}
    # Whatever Python the tester's shell has for Spark, the steps have the cluster's.
    environment["PYSPARK_DRIVER_PYTHON"] = sys.executable
    with (folder / "log").open("w") as log, subprocess.Popen(
        command, env=environment, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log
    ) as process:  # fmt: skip
        yield process


@pytest.fixture
def emr(emr_process: subprocess.Popen[str], ministack: str) -> Iterator[Emr]:
    twin = Emr(emr_process, ministack)
    yield twin
    # A fault that met nothing leaves its test saying nothing.
    assert twin.unmet_faults() == []
