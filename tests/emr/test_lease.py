"""Of each process that answers for something it can be said whether it still does."""

from __future__ import annotations

import multiprocessing
import os
from datetime import timedelta

import pytest

from emr import lease
from emr.lease import Lease, long_lease, new_lease, now, this_host, this_process

FORK = multiprocessing.get_context("fork")
ELSEWHERE = "elsewhere 1 2.0"


def of_another_host(until):
    """Return a lease that ends so long from now, by the clock of this host."""
    return Lease(ELSEWHERE, (now() + until).isoformat())


def lease_of_a_child():
    """Return the lease of a process that is gone."""
    said = FORK.Queue()
    child = FORK.Process(target=lambda: said.put(new_lease()))
    child.start()
    found = said.get(timeout=60)
    child.join()
    return found


def test_a_process_answers_for_what_it_began():
    assert new_lease().is_mine() and not new_lease().is_over()


def test_a_process_that_is_gone_answers_for_nothing():
    gone = lease_of_a_child()

    assert gone.is_void() and gone.is_over() and not gone.is_mine()


def test_a_process_that_lives_answers_for_what_it_began_however_long_it_is_frozen():
    frozen = Lease(this_process(), (now() - timedelta(days=1)).isoformat())

    assert not frozen.is_over()


@pytest.mark.parametrize(("seconds", "is_void"), [(-5, False), (5, False), (1000, True)])
def test_another_process_with_the_same_number_is_told_apart_and_a_clock_that_was_set_is_not(seconds, is_void):
    name, started = this_process().rsplit(" ", 1)

    assert Lease(f"{name} {float(started) + seconds}", now().isoformat()).is_void() is is_void


@pytest.mark.parametrize("host", [ELSEWHERE.split()[0], f"{this_host().split('/')[0]}/00000000/0"])
def test_of_another_host_nothing_is_known_before_its_time_has_passed_whatever_it_is_called(host):
    until = (now() - timedelta(minutes=4)).isoformat()

    there = Lease(f"{host} {os.getpid() + 1} 2.0", until)

    assert not there.is_void() and not there.is_over()


def test_a_number_that_is_used_again_is_the_name_of_another_process(monkeypatch):
    child = FORK.Process(target=int)
    child.start()
    before = lease.named(child.pid)
    monkeypatch.setattr(lease.psutil.Process, "create_time", lambda process: 2.0)

    after = lease.named(child.pid)

    child.join()
    assert before != after and after.endswith(f" {child.pid} 2.0")


def test_this_process_keeps_its_name_when_the_clock_is_set(monkeypatch):
    before = this_process()
    monkeypatch.setattr(lease.psutil.Process, "create_time", lambda process: 2.0)

    assert this_process() == before


def test_what_another_host_has_not_renewed_for_long_is_over():
    assert of_another_host(timedelta(minutes=-6)).is_over()


def test_a_lease_is_renewed_before_others_take_it_for_over():
    assert not long_lease().is_due()
    assert of_another_host(lease.WATCH / 4).is_due()


@pytest.mark.parametrize("behind", [timedelta(minutes=-4), timedelta(minutes=4)])
def test_a_call_of_another_host_is_waited_for_whatever_its_clock_says(behind):
    settled_at = of_another_host(lease.CALL + behind).settled_at()

    assert abs(settled_at - now() - lease.CALL) < timedelta(seconds=5)


def test_a_call_of_another_host_is_not_waited_for_when_it_was_made_long_ago():
    assert of_another_host(timedelta(minutes=-6)).settled_at() < now()
