"""The pipeline on a master of Spark's own: several dates at once, the lake in S3, and a run that is killed."""

# ruff: noqa: F811 - fixtures

from __future__ import annotations

import psutil
import pytest
from fixtures_s3 import REGION, free_port, new_bucket
from fixtures_spark_master import spark_master  # noqa: F401 - a fixture
from processes import wait_for_spark, wait_until
from project import DAY, luigi_command
from sample import DAY_ROWS, given_a_day

from pipeline.core.spark import client

RANGE = ("RangeDaily", "--of", "UserBehaviourMetric", "--start", DAY, "--stop", "2010-12-04", "--workers", "2")


@pytest.fixture
def far(project, monkeypatch, spark_master, ministack):
    """A project whose jobs go to the master, and whose lake is in S3."""
    # Its runs have drivers of their own.
    monkeypatch.delenv(client.RUN_FOLDER)
    scratch = project.folder / "scratch"
    scratch.mkdir()
    project.set("jobs", master=spark_master.url, scratch=str(scratch), ui_port="0")
    project.set("lake", root=f"{new_bucket(ministack)}/lake", endpoint_url=ministack, region=REGION)
    given_a_day(project)
    return project


@pytest.mark.faults
def test_several_dates_at_once_are_made_by_workers_that_are_other_processes(far, spark_master):
    done = far.luigi(*RANGE)

    assert done.code == 0, done.output
    assert far.metric() == DAY_ROWS
    assert len(far.manifests()) == 9
    assert list((far.folder / "scratch").iterdir()) == []
    wait_until(lambda: spark_master.applications() == [])


@pytest.mark.faults
def test_a_killed_run_leaves_nothing_at_the_master_and_the_same_line_finishes_it(far, spark_master):
    run = far.start(*luigi_command("UserBehaviourMetric", "--date", DAY))
    below = wait_for_spark(run.pid)
    wait_until(spark_master.applications)
    run.kill()
    run.communicate()

    wait_until(lambda: spark_master.applications() == [])
    assert psutil.wait_procs(below, timeout=15)[1] == []
    done = far.metric_of(DAY)
    assert done.code == 0, done.output
    assert far.metric() == DAY_ROWS


@pytest.mark.faults
def test_where_the_master_is_away_the_date_says_so_and_what_needs_no_spark_is_made(far):
    far.set("jobs", master=f"spark://127.0.0.1:{free_port()}")

    done = far.metric_of(DAY)

    [line] = [line for line in done.lines if "FAILED" in line and "ClassifiedMovieReview" in line]
    assert f"{DAY}: the Spark master at {far.settings['jobs']['master']} does not answer" in line
    assert done.code == 30
    assert [str(manifest.dataset) for manifest in far.manifests()] == ["raw/movie_review", "stage/user_purchase"]
