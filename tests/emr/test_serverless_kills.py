"""Whoever begins a job run may die or freeze at any moment: the next run gets that job run, and begins no other."""

from __future__ import annotations

import os
import signal
from datetime import timedelta

import pytest
from emr_kills import moments, process_of
from emr_serverless_work import ServerlessBench
from fixtures_s3 import REGION
from processes import wait_until

from emr import adoption, lease, submission
from emr.serverless import Serverless


@pytest.fixture
def bench(serverless, tmp_path, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL_EMR_SERVERLESS", serverless.endpoint_url)
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    monkeypatch.setattr(adoption, "SETTLING", timedelta(seconds=1))
    return ServerlessBench(serverless, tmp_path)


MOMENTS = moments(Serverless)


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_run_killed_at_any_moment_is_finished_by_the_next_with_one_job_run(bench, serverless, moment):
    def killed_run():
        MOMENTS[moment]()
        bench.run()

    dead = process_of(killed_run)
    dead.join(60)
    entry = bench.run()

    assert dead.exitcode == -signal.SIGKILL
    assert serverless.steps() == [(f"{entry.name} 1/1", "SUCCESS")]
    assert entry.generation == 1


def test_runs_at_once_share_one_job_run(bench, serverless):
    bench.middle = ("sleep", "1")
    runs = [process_of(bench.run) for _ in range(3)]

    for one in runs:
        one.join(60)

    assert [one.exitcode for one in runs] == [0, 0, 0]
    assert serverless.states() == ["SUCCESS"]


def test_a_frozen_submitter_wakes_up_to_the_job_run_that_another_began_for_it(bench, serverless, monkeypatch):
    monkeypatch.setattr(lease, "CALL", timedelta(seconds=2))
    monkeypatch.setattr(submission, "CALL_SECONDS", 0)
    serverless.hold("StartJobRun")
    frozen = process_of(bench.run)
    serverless.wait_until_held()
    os.kill(frozen.pid, signal.SIGSTOP)

    entry = bench.run()
    serverless.release()
    os.kill(frozen.pid, signal.SIGCONT)
    frozen.join(60)

    assert (entry.generation, frozen.exitcode) == (1, 0)
    assert serverless.states() == ["SUCCESS"]


def test_the_call_of_a_dead_submitter_that_comes_late_begins_nothing_else(bench, serverless):
    serverless.hold("StartJobRun")
    dead = process_of(bench.run)
    serverless.wait_until_held()
    dead.kill()

    entry = bench.run()
    serverless.release()
    wait_until(lambda: serverless.calls("StartJobRun carried out") == 2)

    assert entry.generation == 1
    assert serverless.states() == ["SUCCESS"]


def test_a_job_run_that_comes_late_and_is_of_no_use_any_more_is_cancelled_when_it_is_seen(bench, serverless):
    serverless.hold("StartJobRun")
    dead = process_of(bench.run)
    serverless.wait_until_held()
    dead.kill()
    bench.inputs, bench.middle = ("raw 2",), ("sleep", "2")
    other = process_of(bench.run)
    wait_until(lambda: bench.entry.generation == 2 and bench.entry.step_ids)

    serverless.stall("g1")
    serverless.release()
    other.join(60)

    assert other.exitcode == 0
    assert serverless.wait_until_over() == ["SUCCESS", "CANCELLED"]
