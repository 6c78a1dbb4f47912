"""A Spark master with two workers of one core each, on loopback, from the pyspark that the tests run on.

from fixtures_spark_master import spark_master  # noqa: F401
"""

from __future__ import annotations

import os
import subprocess
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import psutil
import pyspark
import pytest
from fixtures_jobs import ask
from fixtures_s3 import free_ports
from processes import wait_until

SPARK = Path(pyspark.__file__).parent
DEPLOY = "org.apache.spark.deploy"
LOOPBACK = "127.0.0.1"


@dataclass
class SparkMaster:
    """What `[jobs] master` names, its page, and the workers that were started for it."""

    port: int
    page_port: int
    folder: Path
    processes: list[subprocess.Popen] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"spark://{LOOPBACK}:{self.port}"

    @property
    def page(self) -> str:
        return f"http://{LOOPBACK}:{self.page_port}"

    def applications(self) -> list[dict[str, Any]]:
        """Return the applications that the master has given executors, or has still to."""
        return ask(f"{self.page}/json/")["activeapps"]

    def workers(self) -> int:
        return ask(f"{self.page}/json/")["aliveworkers"]

    def end_application(self, number: str) -> None:
        """End an application, as a click on the master's page does."""
        asked = urlencode({"id": number, "terminate": "true"}).encode()
        with urllib.request.urlopen(f"{self.page}/app/kill/", asked, timeout=30):
            pass

    def start(self, kind: str, *arguments: str, before: Sequence[str] = ()) -> subprocess.Popen:
        environment = os.environ | {"SPARK_LOCAL_IP": LOOPBACK, "SPARK_DAEMON_MEMORY": "256m", "SPARK_HOME": str(SPARK)}
        command = [*before, str(SPARK / "bin/spark-class"), f"{DEPLOY}.{kind}", "--host", LOOPBACK, *arguments]
        with (self.folder / "log").open("ab") as log:
            process = subprocess.Popen(command, env=environment, cwd=self.folder, stdout=log, stderr=log)
        self.processes.append(process)
        return process

    def start_worker(self, before: Sequence[str] = ()) -> subprocess.Popen:
        """Start a worker; `before` are the words of a command that starts another."""
        sizes = ("--cores", "1", "--memory", "1g", "--webui-port", "0", "--work-dir", str(self.folder / "work"))
        return self.start("worker.Worker", *sizes, self.url, before=before)

    def end_worker(self, worker: subprocess.Popen) -> None:
        """Kill a worker and what it runs, as the end of its machine does."""
        for process in [psutil.Process(worker.pid), *psutil.Process(worker.pid).children(recursive=True)]:
            process.kill()
        worker.wait()


@contextmanager
def running_master(folder: Path) -> Iterator[SparkMaster]:
    """Run a master without workers."""
    ports = free_ports(["port", "page_port"])
    master = SparkMaster(**ports, folder=folder)
    master.start("master.Master", "--port", str(master.port), "--webui-port", str(master.page_port))
    try:
        wait_until(lambda: answers(master), 60)
        yield master
    finally:
        for process in reversed(master.processes):
            process.terminate()
            process.wait(30)


def answers(master: SparkMaster) -> bool:
    try:
        return ask(f"{master.page}/json/")["status"] == "ALIVE"
    except OSError:
        return False


@pytest.fixture(scope="module")
def spark_master(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SparkMaster]:
    """A master with two workers."""
    with running_master(tmp_path_factory.mktemp("spark-master")) as master:
        for _ in range(2):
            master.start_worker()
        wait_until(lambda: master.workers() == 2, 60)
        yield master
