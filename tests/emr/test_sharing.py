"""What two runs wait for is made for the one that goes on, though the other one is stopped and cancels it."""

from __future__ import annotations

import multiprocessing
import os
import signal
from concurrent.futures import ThreadPoolExecutor

import pytest
from emr_work import KEY, Bench
from fixtures_s3 import REGION
from processes import wait_until

from emr.api import Emr
from emr.errors import StepFailed
from emr.ledger import Ledger
from emr.runner import cancel
from pipeline.core.locks import file_lock

FORK = multiprocessing.get_context("fork")


@pytest.fixture
def bench(emr, tmp_path, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL_EMR", emr.endpoint_url)
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    return Bench(emr, tmp_path)


@pytest.fixture
def owner(bench, emr):
    """A process that has submitted the steps, of which the second runs for long, and that does nothing more."""
    bench.middle = ("sleep", "60")
    process = FORK.Process(target=bench.run)
    process.start()
    wait_until(lambda: emr.states()[1:2] == ["RUNNING"] and bench.entry.step_ids)
    # Not in the middle of a write, which would keep all others from theirs.
    with file_lock(bench.folder / f"lake/_emr/{KEY.rpartition('/')[0]}/.lock"):
        os.kill(process.pid, signal.SIGSTOP)
    bench.middle = ("true",)
    yield process
    process.kill()
    process.join()


def sharing_run(bench):
    """Return what waits for a run that shares the steps, which it does when this returns."""
    future = ThreadPoolExecutor(1).submit(bench.run)
    wait_until(lambda: bench.heard.urls)
    return lambda: future.result(timeout=60)


def test_who_shares_steps_submits_others_when_their_run_is_stopped(bench, emr, owner):
    shared = sharing_run(bench)

    cancel(Emr.connect(), bench.ledger, KEY, bench.entry.lease.owner)

    assert (shared().generation, bench.entry.state) == (2, "COMPLETED")
    assert emr.states() == ["COMPLETED", "CANCELLED", "CANCELLED", *["COMPLETED"] * 3]


class SlowLedger(Ledger):
    """A ledger whose first answer is of an earlier moment: who reads it was slow."""

    def __init__(self, store, seen):
        super().__init__(store)
        self.answers = [seen]

    def read(self, key):
        return self.answers.pop() if self.answers else super().read(key)


def test_steps_that_another_took_over_just_now_are_not_cancelled(bench, emr, owner):
    shared, seen = sharing_run(bench), bench.ledger.read(KEY)
    owner.kill()
    wait_until(lambda: bench.entry.lease.is_mine())

    cancelled = cancel(Emr.connect(), SlowLedger(bench.ledger.store, seen), KEY, seen.entry.lease.owner)

    assert (cancelled, bench.entry.state, emr.states()[1]) == (None, "SUBMITTED", "RUNNING")
    emr.client.cancel_steps(ClusterId=emr.cluster_id, StepIds=bench.entry.step_ids)
    with pytest.raises(StepFailed):
        shared()


def test_steps_are_cancelled_though_another_wrote_that_it_waits_too(bench, emr, owner):
    seen = bench.ledger.read(KEY)
    bench.ledger.mark(KEY, seen, hosts=("elsewhere",))

    cancelled = cancel(Emr.connect(), SlowLedger(bench.ledger.store, seen), KEY, seen.entry.lease.owner)

    assert cancelled
    assert (bench.entry.state, bench.entry.hosts) == ("CANCELLED", ("elsewhere",))


def test_steps_that_somebody_else_cancelled_have_failed(bench, emr, owner):
    shared = sharing_run(bench)

    emr.client.cancel_steps(ClusterId=emr.cluster_id, StepIds=bench.entry.step_ids[1:])

    with pytest.raises(StepFailed, match="CANCELLED"):
        shared()
    assert bench.entry.state == "FAILED"
