"""The user-behaviour pipeline with nothing on this machine: the lake in S3, the jobs on EMR, the warehouse in Redshift.

from fixtures_far import far  # noqa: F401
"""

from __future__ import annotations

from subprocess import Popen

import pytest
from fixtures_emr import Emr
from fixtures_redshift import Redshift
from fixtures_s3 import REGION, new_bucket
from project import DAY, Project
from sample import DAY_ROWS, given_a_day

from pipeline.core.spark import client

__all__ = ["DONE", "MADE_ONCE", "METRIC", "commits", "ended", "far", "made", "submissions"]

METRIC = ("UserBehaviourMetric", "--date", DAY)
DATASET = "stage/classified_movie_review"
DONE = ["COMPLETED"] * 3
# The day's metric, its marker, and the one attempt that was committed of what EMR makes.
MADE_ONCE = (DAY_ROWS, [("public.user_behavior_metric", len(DAY_ROWS))], 1)


@pytest.fixture
def far(project: Project, ministack: str, emr: Emr, redshift: Redshift, monkeypatch: pytest.MonkeyPatch) -> Project:
    """A project with a day of its sources, and tables in an empty Redshift."""
    # Each run has a folder of its own, as they have where nobody tests them.
    monkeypatch.delenv(client.RUN_FOLDER)
    project.set("lake", root=f"{new_bucket(ministack)}/lake", endpoint_url=ministack, region=REGION)
    project.set("warehouse", url=redshift.url)
    project.set("jobs", runner="emr")
    project.set("emr", cluster_id=emr.cluster_id, log_uri=emr.log_uri, log_wait_seconds="20", poll_seconds="1")
    project.environment |= emr.environment
    project.given_tables()
    given_a_day(project)
    return project


def made(far: Project) -> tuple[list[tuple], list[tuple], int]:
    """Return what is to be MADE_ONCE."""
    return far.metric(), far.query("SELECT table_name, row_count FROM public.etl_load"), len(commits(far))


def commits(far: Project) -> list[str]:
    """Return the attempts that were committed of the dataset that EMR makes."""
    return [one.attempt for one in far.manifests() if str(one.dataset) == DATASET]


def submissions(emr: Emr) -> int:
    return emr.calls("AddJobFlowSteps")


def ended(process: Popen[str]) -> tuple[int, str]:
    """Return how a run ended, and what it printed."""
    output, _ = process.communicate(timeout=200)
    return process.returncode, output
