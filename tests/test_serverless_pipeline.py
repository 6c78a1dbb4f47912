"""The user-behaviour pipeline with its reviews classified on EMR Serverless."""

# ruff: noqa: F811 - fixtures

from __future__ import annotations

import pytest
from fixtures_s3 import REGION, new_bucket
from fixtures_serverless import ROLE, serverless, serverless_process  # noqa: F401 - fixtures
from project import DAY, Project
from sample import DAY_ROWS, given_a_day

from pipeline.core.lake import lake

DATASET = "stage/classified_movie_review"


@pytest.fixture
def far(project, ministack, serverless) -> Project:
    """A project whose lake is in S3, and whose jobs run on EMR Serverless."""
    project.set("lake", root=f"{new_bucket(ministack)}/lake", endpoint_url=ministack, region=REGION)
    project.set("jobs", runner="emr-serverless")
    project.set("emr", application_id=serverless.cluster_id, job_role=ROLE, poll_seconds="1")
    project.environment |= serverless.environment
    given_a_day(project)
    return project


def commits(far: Project) -> list[str]:
    """Return the attempts that were committed of the dataset that EMR makes."""
    return [one.attempt for one in far.manifests() if str(one.dataset) == DATASET]


def test_a_day_goes_by_way_of_s3_and_emr_serverless(far, serverless):
    done = far.metric_of(DAY)

    assert done.code == 0, done.output
    assert far.metric() == DAY_ROWS
    [attempt], [(name, state)] = commits(far), serverless.steps()
    assert attempt in name and state == "SUCCESS"
    assert marks(far) == []
    assert far.metric_of(DAY).output.startswith("Nothing to do")


def marks(far: Project) -> list[str]:
    """Return what Hadoop left in the lake beside the data."""
    with far.in_force():
        return [one.path for one in lake().store.list("") if one.path.rpartition("/")[2].startswith(("_", "."))]
