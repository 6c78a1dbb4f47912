"""A run that is stopped leaves nothing running on EMR, whichever of its processes waited for it."""

from __future__ import annotations

import signal

import pytest
from fixtures_s3 import REGION, new_bucket
from processes import wait_until
from project import DAY, luigi_command
from sample import given_a_day

OPEN = {"PENDING", "RUNNING", "CANCEL_PENDING"}


@pytest.fixture
def far(project, ministack, emr, monkeypatch):
    """A project whose jobs run on EMR, and whose runs have a folder each."""
    monkeypatch.delenv("LAKESHIFT_RUN")
    project.set("lake", root=f"{new_bucket(ministack)}/lake", endpoint_url=ministack, region=REGION)
    project.set("jobs", runner="emr")
    project.set("emr", cluster_id=emr.cluster_id, poll_seconds="1")
    project.environment |= emr.environment
    given_a_day(project)
    return project


@pytest.mark.faults
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_signal_cancels_the_steps_of_the_run(far, emr, workers, number):
    emr.stall("1/3")
    run = far.start(*luigi_command("ClassifiedMovieReview", "--date", DAY, "--workers", workers))
    emr.wait_until_held()

    run.send_signal(number)
    output, _ = run.communicate(timeout=60)

    assert run.returncode == 128 + number, output
    assert emr.wait_until_over(10) == ["CANCELLED"] * 3
    assert "are cancelled" in output


def test_a_signal_during_the_call_cancels_what_it_brought_and_what_that_cost_is_told(far, emr):
    emr.hold("AddJobFlowSteps", before=False)
    emr.stall("1/3")
    run = far.start(*luigi_command("ClassifiedMovieReview", "--date", DAY, "--workers", "2"))
    emr.wait_until_held(2)

    run.send_signal(signal.SIGTERM)
    output, _ = run.communicate(timeout=60)
    emr.release()

    assert not OPEN & set(emr.wait_until_over(10)), output
    assert "are cancelled" in output
    assert f"instance-hours on {emr.cluster_id}" in output


@pytest.mark.faults
def test_a_signal_that_comes_while_the_steps_are_being_cancelled_changes_nothing(far, emr):
    emr.stall("1/3")
    emr.hold("CancelSteps")
    run = far.start(*luigi_command("ClassifiedMovieReview", "--date", DAY))
    emr.wait_until_held()

    run.send_signal(signal.SIGTERM)
    emr.wait_until_held(2)
    run.send_signal(signal.SIGTERM)
    wait_until(lambda: "SIGTERM: the run is ending already" in far.log)
    emr.release()
    output, _ = run.communicate(timeout=60)

    assert run.returncode == 128 + signal.SIGTERM, output
    assert emr.wait_until_over(10) == ["CANCELLED"] * 3
    assert "are cancelled" in output
