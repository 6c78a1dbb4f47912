"""What a signal to the whole run does."""

from __future__ import annotations

import signal

import psutil
import pytest
from processes import wait_for_spark
from project import DAY, luigi_command
from sample import DAY_ROWS, given_a_day


@pytest.mark.parametrize("workers", ["1", "2"])
def test_sigterm_ends_the_run_its_workers_and_its_spark(project, monkeypatch, workers):
    given_a_day(project)
    monkeypatch.delenv("LAKESHIFT_RUN")
    temporary = project.folder / "tmp"
    temporary.mkdir()
    project.environment["TMPDIR"] = str(temporary)

    run = project.start(*luigi_command("UserBehaviourMetric", "--date", DAY, "--workers", workers))
    children = wait_for_spark(run.pid)
    run.send_signal(signal.SIGTERM)
    output, _ = run.communicate(timeout=60)

    assert run.returncode == 128 + signal.SIGTERM, output
    assert "stopped by SIGTERM" in output
    _, alive = psutil.wait_procs(children, timeout=20)
    assert alive == []
    assert list(temporary.glob("lakeshift-*")) == []
    monkeypatch.undo()
    assert project.metric_of(DAY).code == 0
    assert project.metric() == DAY_ROWS
