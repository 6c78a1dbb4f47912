"""A run that is stopped leaves nothing running on EMR Serverless, whichever of its processes waited for it."""

from __future__ import annotations

import signal

import pytest
from fixtures_s3 import REGION, new_bucket
from fixtures_serverless import ROLE
from project import DAY, luigi_command
from sample import given_a_day


@pytest.fixture
def far(project, ministack, serverless, monkeypatch):
    """A project whose jobs run on EMR Serverless, and whose runs have a folder each."""
    monkeypatch.delenv("LAKESHIFT_RUN")
    project.set("lake", root=f"{new_bucket(ministack)}/lake", endpoint_url=ministack, region=REGION)
    project.set("jobs", runner="emr-serverless")
    project.set("emr", application_id=serverless.cluster_id, job_role=ROLE, poll_seconds="1")
    project.environment |= serverless.environment
    given_a_day(project)
    return project


@pytest.mark.faults
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_signal_cancels_the_job_run(far, serverless, workers, number):
    serverless.stall("g1")
    run = far.start(*luigi_command("ClassifiedMovieReview", "--date", DAY, "--workers", workers))
    serverless.wait_until_held()

    run.send_signal(number)
    output, _ = run.communicate(timeout=60)

    assert run.returncode == 128 + number, output
    assert serverless.wait_until_over(10) == ["CANCELLED"]
    assert "cancelled" in output


def test_a_signal_during_the_call_cancels_what_it_brought(far, serverless):
    serverless.hold("StartJobRun", before=False)
    serverless.stall("g1")
    run = far.start(*luigi_command("ClassifiedMovieReview", "--date", DAY, "--workers", "2"))
    serverless.wait_until_held(2)

    run.send_signal(signal.SIGTERM)
    output, _ = run.communicate(timeout=60)
    serverless.release()

    assert serverless.wait_until_over(10) == ["CANCELLED"], output
    assert "cancelled" in output
