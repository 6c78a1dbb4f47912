"""A signal to a run that has nothing elsewhere: it is ended, and somebody is told, or it goes on."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import psutil
import pytest
from fixtures_mail import inbox  # noqa: F401
from processes import wait_until

LUIGI = str(Path(sys.executable).with_name("luigi"))
COMMAND = (LUIGI, "--module", "waiting_task", "Waiting", "--date", "2017-11-10", "--local-scheduler")


@pytest.fixture
def mail(inbox, ministack, project, monkeypatch):  # noqa: F811
    project.set("alerts", sns_topic_arn=inbox.topic)
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent), prepend=os.pathsep)
    project.environment["AWS_ENDPOINT_URL_SNS"] = ministack
    return inbox


def started(project, *command):
    """Return a run that waits."""
    run = project.start(*command)
    wait_until(lambda: (project.folder / "begun").exists(), 60)
    return run


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_run_that_is_stopped_ends_with_its_workers_and_is_told_of_once(project, mail, number):
    run = started(project, *COMMAND, "--workers", "2")
    workers = psutil.Process(run.pid).children(recursive=True)

    run.send_signal(number)
    output, _ = run.communicate(timeout=60)

    assert run.returncode == 128 + number, output
    assert psutil.wait_procs(workers, timeout=20)[1] == []
    [(subject, body)] = mail.read()
    assert subject == "lakeshift_Pipeline_Failure"
    assert f"\nError: Waiting 2017-11-10: stopped by {number.name}\n" in body
    assert "Run it again: luigi --module waiting_task Waiting --date 2017-11-10 --local-scheduler --workers 2\n" in body


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_signal_that_python_swallows_stops_the_run_all_the_same(project, monkeypatch, workers):
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent), prepend=os.pathsep)

    (project.folder / "go").touch()
    done = project.run(*(word.replace("Waiting", "Swallowing") for word in COMMAND), "--workers", workers)

    assert done.code == 128 + signal.SIGTERM, done.output
    assert "stopped by SIGTERM" in done.output


def test_a_run_begun_with_nohup_outlives_its_terminal(project, mail):
    run = started(project, "nohup", *COMMAND)

    run.send_signal(signal.SIGHUP)
    (project.folder / "go").touch()
    output, _ = run.communicate(timeout=60)

    assert run.returncode == 0, output
    assert [subject for subject, _ in mail.read()] == ["lakeshift_Pipeline_Success"]
