"""A twin of EMR Serverless for a test, with one application, and what goes wrong in it."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fixtures_emr import Emr
from fixtures_s3 import REGION, new_bucket
from processes import wait_until

from pipeline.core.spark.java import java_options

__all__ = ["ROLE", "Serverless", "serverless", "serverless_process"]

ROLE = "arn:aws:iam::123456789012:role/lakeshift-job"
LEFT = ("SUCCESS", "FAILED", "CANCELLED")


class Serverless(Emr):
    """An application, whose job runs stand where a cluster has steps."""

    def __init__(self, process: subprocess.Popen[str], s3_endpoint: str) -> None:
        self.process, self.turn = process, threading.Lock()
        self.endpoint_url = f"http://127.0.0.1:{self._ask('start')}"
        self.log_uri = f"{new_bucket(s3_endpoint)}/logs"
        self.cluster_id = self.new_application()

    @property
    def environment(self) -> dict[str, str]:
        return {"AWS_ENDPOINT_URL_EMR_SERVERLESS": self.endpoint_url}

    def new_application(self, state: str = "STARTED", starts: bool = True) -> str:
        """Return the id of an application; `starts` says whether it starts by itself when a job run comes."""
        return self._ask("new_application", state=state, starts=starts)

    def requests(self) -> list[dict[str, Any]]:
        """Return what was asked for with each job run of the application."""
        return self._ask("requests", application_id=self.cluster_id)

    def refuse(self, part: str, why: str, **which: int) -> None:
        """Let job runs fail whose name holds a text, before they have begun."""
        self._ask("fault", kind="refuse", part=part, about={"why": why}, **which)

    def leave_out(self, **which: int) -> None:
        """List no job runs, as if all had come just now."""
        self._ask("fault", kind="leave out", part="ListJobRuns", **which)

    def wait_until_over(self, seconds: float = 120) -> list[str]:
        wait_until(lambda: all(state in LEFT for state in self.states()), seconds)
        return self.states()


@pytest.fixture(scope="session")
def serverless_process(tmp_path_factory: pytest.TempPathFactory, ministack: str) -> Iterator[subprocess.Popen[str]]:
    """The process of the applications of a test session; their jobs read and write MiniStack's S3."""
    folder = tmp_path_factory.mktemp("serverless")
    server = str(Path(__file__).with_name("emr_serverless_server.py"))
    environment = os.environ | {"EMR_JAVA_OPTIONS": java_options(), "AWS_DEFAULT_REGION": REGION}
    with (folder / "log").open("w") as log, subprocess.Popen(
        [sys.executable, server, str(folder), ministack, REGION], env=environment, text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log,
    ) as process:  # fmt: skip
        yield process


@pytest.fixture
def serverless(serverless_process: subprocess.Popen[str], ministack: str) -> Iterator[Serverless]:
    twin = Serverless(serverless_process, ministack)
    yield twin
    # A fault that met nothing leaves its test saying nothing.
    assert twin.unmet_faults() == []
