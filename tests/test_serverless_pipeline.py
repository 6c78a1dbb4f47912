"""The user-behaviour pipeline with its reviews classified on EMR Serverless: undisturbed, killed, frozen, failing."""

from __future__ import annotations

import signal
import sys
from subprocess import Popen

import pytest
from fixtures_s3 import REGION, new_bucket
from fixtures_serverless import ROLE
from project import DAY, ROOT, Project, luigi_command
from sample import DAY_ROWS, given_a_day

from pipeline.core.lake import lake
from pipeline.core.spark.code import code_hash

METRIC = ("UserBehaviourMetric", "--date", DAY)
LOST = {"action": "StartJobRun", "before": True, "is_lost": True}
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


def ended(process: Popen[str]) -> tuple[int, str]:
    output, _ = process.communicate(timeout=200)
    return process.returncode, output


@pytest.mark.faults
@pytest.mark.parametrize(
    "moment",
    [
        pytest.param(lambda serverless: serverless.hold("GetApplication"), id="before the intent"),
        pytest.param(lambda serverless: serverless.hold(**LOST), id="after the intent"),
        pytest.param(lambda serverless: serverless.hold("StartJobRun", before=False), id="before the answer is stored"),
        pytest.param(lambda serverless: serverless.stall("g1"), id="while it runs"),
        pytest.param(lambda serverless: serverless.stall("g1", before=False), id="at its end"),
    ],
)
def test_a_run_that_was_killed_is_finished_by_the_same_command_with_the_one_job_run(far, serverless, moment):
    moment(serverless)
    process = far.start(*luigi_command(*METRIC))
    serverless.wait_until_held()
    process.kill()
    process.communicate()
    serverless.release()

    again = far.metric_of(DAY)

    assert again.code == 0, again.output
    assert (far.metric(), len(commits(far)), serverless.states()) == (DAY_ROWS, 1, ["SUCCESS"])


@pytest.mark.faults
@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("number", range(1, 7))
def test_a_run_killed_at_a_commit_is_finished_by_the_same_command_with_the_one_job_run(far, serverless, moment, number):
    script = str(ROOT / "tests/killed_run.py")

    dead = far.run(sys.executable, script, moment, str(number), *METRIC, "--local-scheduler")
    again = far.metric_of(DAY)

    assert (dead.code, again.code) == (-signal.SIGKILL, 0), again.output
    assert (far.metric(), len(commits(far)), serverless.states()) == (DAY_ROWS, 1, ["SUCCESS"])


@pytest.mark.faults
def test_a_run_that_stood_still_while_another_took_over_ends_well(far, serverless):
    serverless.stall("g1")
    frozen = far.start(*luigi_command(*METRIC))
    serverless.wait_until_held()
    frozen.send_signal(signal.SIGSTOP)
    serverless.release()

    other = far.metric_of(DAY)
    frozen.send_signal(signal.SIGCONT)
    code, output = ended(frozen)

    assert (other.code, code) == (0, 0), output
    assert (far.metric(), len(commits(far)), serverless.states()) == (DAY_ROWS, 1, ["SUCCESS"])


@pytest.mark.faults
def test_two_runs_at_once_share_the_job_run(far, serverless):
    processes = [far.start(*luigi_command(*METRIC)) for _ in range(2)]

    results = [ended(process) for process in processes]

    assert [code for code, _ in results] == [0, 0], results
    assert (far.metric(), len(commits(far)), serverless.states()) == (DAY_ROWS, 1, ["SUCCESS"])


@pytest.mark.faults
def test_a_job_that_throws_is_named_with_what_it_threw_and_the_next_run_begins_another(far, serverless):
    script = f"code/{code_hash()}/classified_movie_review.py"
    with far.in_force():
        # Where there is a script for this version of the jobs, none is uploaded.
        lake().store.create(script, b"import sys\nprint(sys.no_such_name)\n")

    failed = far.metric_of(DAY)
    with far.in_force():
        lake().store.delete([script])
    again = far.metric_of(DAY)

    error = "FAILED: AttributeError: module 'sys' has no attribute 'no_such_name' (classified_movie_review.py:2)"
    assert (failed.code, again.code) == (30, 0) and error in failed.output, failed.output + again.output
    assert (far.metric(), len(commits(far)), serverless.states()) == (DAY_ROWS, 1, ["FAILED", "SUCCESS"])
