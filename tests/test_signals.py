"""What a signal to the whole run does."""

from __future__ import annotations

import signal
import time

import psutil
import pytest
from project import DAY, luigi_command
from sample import DAY_ROWS, given_a_day


@pytest.mark.parametrize("workers", ["1", "2"])
def test_sigterm_ends_the_run_its_workers_and_its_spark(project, monkeypatch, workers):
    given_a_day(project)
    monkeypatch.delenv("LAKESHIFT_RUN")

    run = project.start(*luigi_command("UserBehaviourMetric", "--date", DAY, "--workers", workers))
    children = wait_for_spark(run.pid)
    run.send_signal(signal.SIGTERM)
    output, _ = run.communicate(timeout=60)

    assert run.returncode == 128 + signal.SIGTERM, output
    assert "stopped by SIGTERM" in output
    _, alive = psutil.wait_procs(children, timeout=20)
    assert alive == []
    monkeypatch.undo()
    assert project.metric_of(DAY).code == 0
    assert project.metric() == DAY_ROWS


def wait_for_spark(pid: int) -> list[psutil.Process]:
    """Return the processes of the run once its Spark driver has a JVM."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        drivers = [one for one in psutil.process_iter(["cmdline"]) if is_driver_of(one, pid)]
        below = [child for driver in drivers for child in driver.children(recursive=True)]
        if any("java" in child.name() for child in below):
            return drivers + below + psutil.Process(pid).children(recursive=True)
        time.sleep(0.1)
    raise AssertionError("no Spark driver was started")


def is_driver_of(process: psutil.Process, pid: int) -> bool:
    command = process.info["cmdline"] or []
    return "pipeline.core.spark.driver" in command and f"/run-{pid}-" in " ".join(command)
