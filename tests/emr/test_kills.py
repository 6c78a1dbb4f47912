"""Whoever submits steps may die or freeze at any moment: the next run finds what there is, and makes nothing twice."""

from __future__ import annotations

import os
import signal
import time
from datetime import timedelta

import pytest
from botocore.exceptions import ClientError
from emr_kills import deadly, is_written_as, moments, process_of
from emr_work import KEY, Bench
from fixtures_s3 import REGION
from processes import wait_until

from emr import adoption, lease, runner, submission
from emr.api import Emr
from emr.errors import Unsettled
from emr.ledger import Ledger
from emr.runner import cancel


@pytest.fixture
def bench(emr, tmp_path, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL_EMR", emr.endpoint_url)
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    monkeypatch.setattr(adoption, "SETTLING", timedelta(seconds=1))
    monkeypatch.setattr(adoption, "LOOK_SECONDS", 0.1)
    return Bench(emr, tmp_path)


MOMENTS = moments(Emr)


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_run_killed_at_any_moment_is_finished_by_the_next(bench, emr, moment):
    def killed_run():
        MOMENTS[moment]()
        bench.run()

    dead = process_of(killed_run)
    dead.join(60)
    entry = bench.run()

    assert dead.exitcode == -signal.SIGKILL
    assert emr.states() == ["COMPLETED"] * 3
    assert all(name.startswith(entry.name) for name, _ in emr.steps())
    assert entry.generation == (2 if moment == "after the intent" else 1)


def test_a_second_run_waits_for_the_steps_of_the_first(bench, emr):
    bench.middle = ("sleep", "1")
    runs = [process_of(bench.run) for _ in range(3)]

    for one in runs:
        one.join(60)

    assert [one.exitcode for one in runs] == [0, 0, 0]
    assert emr.states() == ["COMPLETED"] * 3


def test_an_intent_is_left_to_a_process_that_lives_for_as_long_as_its_lease(bench, emr):
    emr.hold("AddJobFlowSteps")
    first = process_of(bench.run)
    emr.wait_until_held()

    second = process_of(bench.run)
    wait_until(lambda: emr.calls("ListSteps") > 2)
    emr.release()
    for one in (first, second):
        one.join(60)

    assert (first.exitcode, second.exitcode) == (0, 0)
    assert emr.states() == ["COMPLETED"] * 3


def test_a_frozen_submitter_finds_that_another_took_over_and_cancels_its_own(bench, emr, monkeypatch):
    monkeypatch.setattr(lease, "CALL", timedelta(seconds=2))
    monkeypatch.setattr(submission, "CALL_SECONDS", 0)
    emr.hold("AddJobFlowSteps")
    frozen = process_of(bench.run)
    emr.wait_until_held()
    os.kill(frozen.pid, signal.SIGSTOP)

    entry = bench.run()
    emr.stall("g1")
    emr.release()
    wait_until(lambda: len(emr.steps()) == 6)
    os.kill(frozen.pid, signal.SIGCONT)
    frozen.join(60)

    assert (entry.generation, frozen.exitcode) == (2, 0)
    assert emr.wait_until_over() == ["COMPLETED"] * 3 + ["CANCELLED"] * 3
    assert bench.entry == entry or bench.entry.attempt == entry.attempt


def test_steps_of_a_dead_submitter_that_come_late_are_cancelled_when_they_are_seen(bench, emr):
    emr.hold("AddJobFlowSteps")
    dead = process_of(bench.run)
    emr.wait_until_held()
    dead.kill()
    bench.middle = ("sleep", "2")
    other = process_of(bench.run)
    wait_until(lambda: bench.entry.generation == 2 and bench.entry.step_ids)

    emr.stall("g1")
    emr.release()
    other.join(60)

    assert other.exitcode == 0
    assert emr.wait_until_over() == ["COMPLETED"] * 3 + ["CANCELLED"] * 3


def test_a_process_that_woke_up_after_its_lease_does_not_call(bench, emr, monkeypatch):
    monkeypatch.setattr(lease, "CALL", timedelta(seconds=1))
    monkeypatch.setattr(submission, "CALL_SECONDS", 1)
    monkeypatch.setattr(runner, "ROUNDS", 2)

    with pytest.raises(Unsettled):
        bench.run()

    assert emr.calls("AddJobFlowSteps") == 0


def test_what_nobody_answers_for_is_owned_by_the_run_that_adopts_it(bench, emr):
    def killed_run():
        deadly(Ledger, "write", is_written_as("SUBMITTED"), after=True)
        bench.run()

    bench.middle = ("sleep", "60")
    process_of(killed_run).join(60)
    adopting = process_of(bench.run)
    wait_until(lambda: bench.entry.lease.owner.split()[1] == str(adopting.pid))
    os.kill(adopting.pid, signal.SIGKILL)
    adopting.join()

    cancelled = cancel(Emr.connect(), bench.ledger, KEY, bench.entry.lease.owner)

    assert cancelled.step_ids == bench.entry.step_ids
    assert "COMPLETED" not in emr.wait_until_over()[1:]


@pytest.mark.faults
def test_who_cancels_does_not_wait_long_for_an_emr_that_is_busy(bench, emr):
    bench.middle = ("sleep", "60")
    dead = process_of(bench.run)
    wait_until(lambda: emr.states()[1:2] == ["RUNNING"] and bench.entry.step_ids)
    dead.kill()
    emr.throttle("ListSteps", times=100)
    began = time.monotonic()

    with pytest.raises(ClientError, match="Throttling"):
        cancel(Emr.connect(patience_seconds=0.1), bench.ledger, KEY, bench.entry.lease.owner)

    assert time.monotonic() - began < 60
