"""Runs that have a cluster of their own on EMR: it is there for the run, and never longer."""

from __future__ import annotations

import re
import signal

import pytest
from fixtures_s3 import REGION, new_bucket
from processes import wait_until
from project import DAY, luigi_command
from sample import given_a_day

from pipeline.core.lake import lake

TASK = ("ClassifiedMovieReview", "--date", DAY)
COST = r"EMR: 0\.\d+ instance-hours on j-\w+ \(2 m7g.xlarge, 1 m7g.xlarge.spot\); \[emr_prices\] has no price of m7g"


@pytest.fixture
def far(project, ministack, emr, monkeypatch):
    """A project whose runs make a cluster for themselves."""
    monkeypatch.delenv("LAKESHIFT_RUN")
    project.set("lake", root=f"{new_bucket(ministack)}/lake", endpoint_url=ministack, region=REGION)
    project.set("jobs", runner="emr")
    project.set("emr", service_role="service", instance_profile="profile", poll_seconds="1", log_wait_seconds="0")
    project.environment |= emr.environment
    given_a_day(project)
    return project


def states(emr):
    return [one["state"] for one in emr.made()]


def records(far):
    with far.in_force():
        return [listed.path for listed in lake().store.list("_emr/_cluster")]


def started(far, emr):
    """Return a run whose steps are held up on its cluster."""
    run = far.start(*luigi_command(*TASK))
    emr.wait_until_held()
    emr.cluster_id = emr.made()[0]["id"]
    return run


def submitted(emr):
    """Return how the steps stand on the first cluster that was made."""
    emr.cluster_id = emr.made()[0]["id"] if emr.made() else emr.cluster_id
    return emr.states()


@pytest.mark.faults
def test_a_day_is_made_on_a_cluster_that_is_there_for_the_run(far, emr):
    done = far.luigi(*TASK)

    assert done.code == 0, done.output
    assert [one.partition.value for one in far.manifests() if one.dataset.name == "classified_movie_review"] == [DAY]
    assert (states(emr), records(far)) == (["TERMINATED"], [])
    assert "the run's own cluster, ends with it" in done.output
    assert re.search(COST, done.output), done.output


@pytest.mark.parametrize("workers", [pytest.param("1", marks=pytest.mark.faults), "2"])
def test_a_signal_ends_the_cluster_of_the_run(far, emr, workers):
    emr.stall("1/1")
    run = far.start(*luigi_command(*TASK, "--workers", workers))
    emr.wait_until_held()

    run.send_signal(signal.SIGTERM)
    output, _ = run.communicate(timeout=60)

    assert run.returncode == 143, output
    assert (states(emr), records(far)) == (["TERMINATED"], [])
    assert re.search(COST, output), output


@pytest.mark.faults
def test_a_signal_while_the_cluster_is_asked_for_ends_it(far, emr):
    emr.hold("RunJobFlow", before=False)
    run = far.start(*luigi_command(*TASK, "--workers", "2"))
    emr.wait_until_held()

    run.send_signal(signal.SIGTERM)
    output, _ = run.communicate(timeout=60)
    emr.release()

    assert run.returncode == 143, output
    assert (states(emr), records(far)) == (["TERMINATED"], [])


@pytest.mark.faults
def test_a_run_that_fails_ends_its_cluster(far, emr):
    emr.fail("1/1")

    failed = far.luigi(*TASK)

    assert failed.code == 30, failed.output
    assert (states(emr), records(far)) == (["TERMINATED"], [])


def test_a_cluster_that_does_not_come_up_is_named_with_its_reason(far, emr):
    emr.start_slowly(fails=True)
    run = far.start(*luigi_command(*TASK))
    wait_until(lambda: submitted(emr), 60)

    emr.release()
    output, _ = run.communicate(timeout=60)

    assert run.returncode == 30, output
    reason = "TERMINATED_WITH_ERRORS (BOOTSTRAP_FAILURE: On the master instance (i-0123456789abcdef0), a script failed)"
    assert f"its cluster is {reason}" in output
    assert records(far) == []


@pytest.mark.faults
def test_a_cluster_that_dies_in_the_middle_is_named_and_the_next_run_makes_another(far, emr):
    emr.stall("1/1")
    run = started(far, emr)
    emr.terminate()
    output, _ = run.communicate(timeout=60)
    emr.fail("1/1")

    again = far.luigi(*TASK)

    assert run.returncode == 30 and "INTERRUPTED: its cluster is TERMINATED_WITH_ERRORS" in output
    assert again.code == 30 and emr.made()[1]["id"] in again.output
    assert (states(emr), records(far)) == (["TERMINATED_WITH_ERRORS", "TERMINATED"], [])


def test_the_cluster_of_a_run_that_was_killed_is_the_next_one_s_and_ends_with_it(far, emr):
    emr.stall("1/1")
    dead = started(far, emr)
    dead.kill()
    dead.communicate()
    run = far.start(*luigi_command(*TASK))
    wait_until(lambda: "left by a run that is gone" in far.log, 60)

    run.send_signal(signal.SIGTERM)
    output, _ = run.communicate(timeout=60)

    assert run.returncode == 143, output
    assert (states(emr), records(far)) == (["TERMINATED"], [])


@pytest.mark.faults
def test_runs_that_share_a_pool_take_its_slot_in_turn_and_leave_its_cluster(far, emr):
    emr.cluster_id = emr.new_cluster(pool="nightly")
    far.set("emr", pool="nightly", pool_clusters="0", poll_seconds="1")
    emr.stall("1/3", times=2)
    first = far.start(*luigi_command(*TASK, "--workers", "2"))
    emr.wait_until_held()
    second = far.start(*luigi_command("ClassifiedMovieReview", "--date", "2010-12-02"))
    wait_until(lambda: "waits for a slot of the pool nightly" in far.log, 60)

    first.send_signal(signal.SIGTERM)
    first.communicate(timeout=60)
    wait_until(lambda: emr.states()[3:4] == ["RUNNING"], 60)
    second.send_signal(signal.SIGTERM)
    second.communicate(timeout=60)

    assert (first.returncode, second.returncode, emr.made()) == (143, 143, [])
    assert emr.wait_until_over(10) == ["CANCELLED"] * 6
