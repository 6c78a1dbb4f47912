"""What a run that was killed leaves on EMR is ended by one line, where no run is to go on with it."""

from __future__ import annotations

import sys

import pytest
from fixtures_s3 import REGION, new_bucket
from project import DAY, luigi_command
from sample import given_a_day

ORPHANS = (sys.executable, "-m", "pipeline.cli", "orphans")


@pytest.fixture
def far(project, ministack, emr, monkeypatch):
    """A project whose runs make a cluster for themselves."""
    monkeypatch.delenv("LAKESHIFT_RUN")
    project.set("lake", root=f"{new_bucket(ministack)}/lake", endpoint_url=ministack, region=REGION)
    project.set("jobs", runner="emr")
    project.set("emr", service_role="service", instance_profile="profile", poll_seconds="1")
    project.environment |= emr.environment
    given_a_day(project)
    return project


@pytest.mark.faults
def test_the_steps_and_the_cluster_of_a_killed_run_are_found_and_ended(far, emr):
    emr.stall("1/1")
    run = far.start(*luigi_command("ClassifiedMovieReview", "--date", DAY))
    emr.wait_until_held()
    while_it_waits = far.run(*ORPHANS, "--delete")
    run.kill()
    run.communicate()

    shown, ended, nothing = far.run(*ORPHANS), far.run(*ORPHANS, "--delete"), far.run(*ORPHANS)

    assert (while_it_waits.code, shown.code, ended.code, nothing.code) == (0, 3, 0, 0), shown.output
    assert "Nobody waits for 1 step, 1 cluster" in shown.output and "Ended: 1 step, 1 cluster" in ended.output
    [made] = emr.made()
    emr.cluster_id = made["id"]
    assert (made["state"].startswith("TERMINAT"), emr.wait_until_over()) == (True, ["CANCELLED"])
