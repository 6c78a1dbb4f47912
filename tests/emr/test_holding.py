"""Whoever waits for steps answers for them: the lease is renewed, taken from the dead, and never from the living."""

from __future__ import annotations

import multiprocessing
import os
import signal
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import pytest
from emr_work import KEY, Bench
from fixtures_s3 import REGION
from processes import wait_until

from emr import adoption, lease, runner, submission
from emr.api import Emr
from emr.clusters.fixed import FixedCluster
from emr.holding import Holding
from emr.lease import Lease, this_process
from emr.ledger import Ledger
from emr.runner import run

FORK = multiprocessing.get_context("fork")


@pytest.fixture
def bench(emr, tmp_path, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL_EMR", emr.endpoint_url)
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    monkeypatch.setattr(adoption, "SETTLING", timedelta(seconds=1))
    monkeypatch.setattr(lease, "APART", timedelta())
    monkeypatch.setattr(lease, "WATCH", timedelta(seconds=3))
    return Bench(emr, tmp_path)


@contextmanager
def process_of(work, host="", behind=timedelta()):
    """Run work in a process, of another host perhaps, whose clock may be behind; it is killed after the block."""

    def there():
        if host:
            lease.this_host.cache_clear()
            lease.socket.gethostname = lambda: host
        for module in (lease, submission, adoption):
            module.now = lambda now=lease.now: now() - behind
        work()

    process = FORK.Process(target=there)
    process.start()
    try:
        yield process
    finally:
        process.kill()
        process.join()


def is_owned_by(bench, process):
    return bench.entry.lease.owner.split()[1] == str(process.pid)


def has_ended(bench, process):
    bench.twin.release()
    process.join(60)
    return process.exitcode == 0


def test_the_lease_is_renewed_while_somebody_waits(bench, emr):
    emr.stall("2/3")

    with process_of(bench.run) as waiting:
        emr.wait_until_held()
        wait_until(lambda: bench.entry.step_ids)
        ends = {bench.entry.lease.until}
        wait_until(lambda: len(ends) > 1 or ends.add(bench.entry.lease.until))

        assert is_owned_by(bench, waiting) and not bench.entry.lease.is_over()
        assert has_ended(bench, waiting)
    assert bench.entry.state == "COMPLETED"


def test_of_two_who_wait_the_other_answers_when_the_owner_dies(bench, emr):
    emr.stall("2/3")

    with process_of(bench.run) as owner, process_of(bench.run, host="elsewhere") as other:
        wait_until(lambda: bench.ledger.read(KEY) and bench.entry.step_ids)
        first, second = (owner, other) if is_owned_by(bench, owner) else (other, owner)
        first.kill()

        wait_until(lambda: is_owned_by(bench, second))
        assert has_ended(bench, second)
    assert (bench.entry.state, bench.entry.generation) == ("COMPLETED", 1)


def test_it_is_known_on_which_hosts_others_wait(bench, emr):
    emr.stall("2/3")

    with process_of(bench.run) as owner:
        emr.wait_until_held()
        wait_until(lambda: bench.entry.step_ids)
        with process_of(bench.run) as near, process_of(bench.run, host="elsewhere") as far:
            wait_until(lambda: bench.entry.hosts)
            [host] = bench.entry.hosts

            assert host.startswith("elsewhere/") and is_owned_by(bench, owner)
            assert all(has_ended(bench, one) for one in (owner, near, far))
    assert bench.entry.state == "COMPLETED"


@pytest.mark.faults
def test_a_frozen_owner_of_another_host_goes_on_reading_when_it_wakes(bench, emr):
    emr.stall("2/3")

    with process_of(bench.run, host="elsewhere") as frozen:
        emr.wait_until_held()
        wait_until(lambda: bench.entry.step_ids)
        os.kill(frozen.pid, signal.SIGSTOP)
        with process_of(bench.run) as other:
            wait_until(lambda: is_owned_by(bench, other))
            os.kill(frozen.pid, signal.SIGCONT)
            until = bench.entry.lease.until
            wait_until(lambda: bench.entry.lease.until > until)

            assert is_owned_by(bench, other)
            assert has_ended(bench, other) and has_ended(bench, frozen)
    assert emr.states() == ["COMPLETED"] * 3


@pytest.mark.faults
def test_a_frozen_owner_of_this_host_keeps_what_it_has(bench, emr):
    emr.stall("2/3")

    with process_of(bench.run) as frozen, process_of(bench.run) as other:
        wait_until(lambda: bench.ledger.read(KEY) and bench.entry.step_ids)
        owner = bench.entry.lease
        os.kill(int(owner.owner.split()[1]), signal.SIGSTOP)
        wait_until(lambda: owner.ends_at < lease.now())

        assert bench.entry.lease == owner and not owner.is_over()
        os.kill(int(owner.owner.split()[1]), signal.SIGCONT)
        assert has_ended(bench, frozen) and has_ended(bench, other)


def test_an_intent_of_another_host_whose_clock_is_behind_is_waited_for(bench, emr, monkeypatch):
    monkeypatch.setattr(lease, "APART", timedelta(minutes=5))
    emr.hold("AddJobFlowSteps")

    with process_of(bench.run, host="elsewhere", behind=timedelta(minutes=3)) as first:
        emr.wait_until_held()
        with process_of(bench.run) as second:
            second.join(2)
            assert has_ended(bench, first) and has_ended(bench, second)
    assert emr.states() == ["COMPLETED"] * 3


def test_steps_that_another_run_found_before_their_ids_were_stored_are_shared_with_it(bench, emr):
    bench.middle = ("sleep", "2")
    emr.hold("AddJobFlowSteps", before=False)

    with process_of(bench.run) as first:
        emr.wait_until_held()
        with process_of(bench.run) as second:
            wait_until(lambda: bench.entry.step_ids)
            assert has_ended(bench, first) and has_ended(bench, second)
    assert emr.states() == ["COMPLETED"] * 3
    assert bench.entry.generation == 1


@dataclass(frozen=True)
class Noted(FixedCluster):
    """A cluster that leaves a mark where it was taken."""

    mark: Path | None = None

    def take(self, name):
        self.mark.touch()
        return super().take(name)


def noting(bench):
    """Return a run that leaves a mark when it takes a cluster, and where that is."""
    mark = bench.folder / "taken"
    clusters = Noted(bench.twin.cluster_id, mark=mark)
    return lambda: run(Emr.connect(), bench.ledger, replace(bench.work(), clusters=clusters), bench.heard), mark


def test_no_cluster_is_taken_for_what_another_run_is_submitting(bench, emr):
    emr.hold("AddJobFlowSteps")

    with process_of(bench.run) as first:
        emr.wait_until_held()
        other, mark = noting(bench)
        looks = emr.calls("ListSteps")
        with process_of(other) as second:
            wait_until(lambda: emr.calls("ListSteps") > looks)
            assert has_ended(bench, first) and has_ended(bench, second)
    assert not mark.exists()


@pytest.mark.faults
def test_a_run_that_is_refused_again_and_again_is_waited_for(bench, emr, monkeypatch):
    monkeypatch.setattr(submission, "AGAIN_SECONDS", (0.5, 0.6))
    monkeypatch.setattr(runner, "ROUNDS", 2)
    emr.throttle("AddJobFlowSteps", times=3)

    with process_of(bench.run) as first:
        wait_until(lambda: bench.ledger.read(KEY))
        other, mark = noting(bench)
        with process_of(other) as second:
            assert has_ended(bench, first) and has_ended(bench, second)
    assert (emr.states(), mark.exists()) == (["COMPLETED"] * 3, False)


class Away:
    """A store that does not answer."""

    def __getattr__(self, name):
        raise OSError("the store does not answer")


def test_a_ledger_that_is_away_does_not_end_the_waiting(bench):
    bench.run()
    kept = bench.ledger.read(KEY)
    due = Ledger(bench.ledger.store).mark(
        KEY, kept, state="SUBMITTED", lease=Lease(this_process(), kept.entry.created_at)
    )
    holding = Holding(Ledger(Away()), KEY, due)

    holding.keep()
    holding.ledger = bench.ledger
    holding.end("COMPLETED")

    assert bench.entry.state == "COMPLETED"
