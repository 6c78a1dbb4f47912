"""The user-behaviour pipeline with its reviews classified on EMR, undisturbed, killed, stopped and failing."""

# ruff: noqa: F811 - fixtures

from __future__ import annotations

import re
import signal
import sys
from subprocess import Popen

import pytest
from fixtures_emr import Emr, emr, emr_process  # noqa: F401 - fixtures
from fixtures_redshift import redshift, redshift_process  # noqa: F401 - fixtures
from fixtures_s3 import REGION, new_bucket
from project import DAY, ROOT, Project, luigi_command
from sample import DAY_ROWS, given_a_day

from pipeline.core.lake import lake
from pipeline.core.spark.code import code_hash

METRIC = ("UserBehaviourMetric", "--date", DAY)
DATASET = "stage/classified_movie_review"
DONE = ["COMPLETED"] * 3
LOST = {"action": "AddJobFlowSteps", "before": True, "is_lost": True}


@pytest.fixture
def far(project, ministack, emr) -> Project:
    """A project whose lake is in S3, and whose jobs run on EMR."""
    project.set("lake", root=f"{new_bucket(ministack)}/lake", endpoint_url=ministack, region=REGION)
    project.set("jobs", runner="emr")
    project.set("emr", cluster_id=emr.cluster_id, log_uri=emr.log_uri, log_wait_seconds="20", poll_seconds="1")
    project.environment |= emr.environment
    given_a_day(project)
    return project


def submissions(emr: Emr) -> int:
    return emr.calls("AddJobFlowSteps")


def commits(far: Project) -> list[str]:
    """Return the attempts that were committed of the dataset that EMR makes."""
    return [one.attempt for one in far.manifests() if str(one.dataset) == DATASET]


def killed(far: Project, emr: Emr) -> None:
    """Kill a run once one of its calls, or of its steps, is held up."""
    process = far.start(*luigi_command(*METRIC))
    emr.wait_until_held()
    process.kill()
    process.communicate()
    emr.release()


def ended(process: Popen[str]) -> tuple[int, str]:
    output, _ = process.communicate(timeout=200)
    return process.returncode, output


def test_a_day_goes_by_way_of_s3_emr_and_redshift(far, emr, redshift, monkeypatch):
    monkeypatch.delenv("LAKESHIFT_RUN")
    far.set("warehouse", url=redshift.url)
    far.set("emr_prices", **{"m7g.xlarge": "0.2040"})
    assert far.lakeshift("migrate").code == 0

    done = far.metric_of(DAY)

    assert done.code == 0, done.output
    assert re.search(rf"EMR: 0\.\d+ instance-hours on {emr.cluster_id} \(3 m7g.xlarge\), 0\.\d+ USD", done.output), (
        done.output
    )
    assert far.metric() == DAY_ROWS
    assert emr.states() == DONE
    assert [attempt in name for (name, _), attempt in zip(emr.steps(), commits(far) * 3, strict=True)] == [True] * 3
    assert emr.hdfs() == []
    assert far.metric_of(DAY).output.startswith("Nothing to do")


@pytest.mark.faults
@pytest.mark.parametrize(
    ("moment", "submitted"),
    [
        pytest.param(lambda emr: emr.hold("DescribeCluster"), 1, id="before the intent", marks=pytest.mark.faults),
        pytest.param(lambda emr: emr.hold(**LOST), 2, id="after the intent", marks=pytest.mark.faults),
        pytest.param(lambda emr: emr.hold("AddJobFlowSteps", before=False), 1, id="before the answer is stored"),
        pytest.param(lambda emr: emr.stall("2/3"), 1, id="while it runs", marks=pytest.mark.faults),
        pytest.param(lambda emr: emr.stall("3/3", before=False), 1, id="at its end", marks=pytest.mark.faults),
    ],
)
def test_a_run_that_was_killed_is_finished_by_the_same_command_with_the_steps_that_it_left(far, emr, moment, submitted):
    moment(emr)
    killed(far, emr)

    again = far.metric_of(DAY)

    assert again.code == 0, again.output
    assert (far.metric(), len(commits(far)), submissions(emr)) == (DAY_ROWS, 1, submitted)
    assert emr.wait_until_over() == DONE


@pytest.mark.faults
def test_steps_that_completed_after_the_kill_are_committed_and_not_run_again(far, emr):
    emr.stall("1/3")
    killed(far, emr)
    emr.wait_until_over()

    again = far.metric_of(DAY)

    assert again.code == 0, again.output
    assert (far.metric(), len(commits(far)), emr.states()) == (DAY_ROWS, 1, DONE)


@pytest.mark.faults
def test_a_run_that_is_stopped_cancels_its_steps_and_the_next_one_submits_others(far, emr):
    emr.stall("2/3")
    process = far.start(*luigi_command(*METRIC))
    emr.wait_until_held()

    process.send_signal(signal.SIGTERM)
    code, output = ended(process)
    states = emr.wait_until_over()
    again = far.metric_of(DAY)

    assert (code, states[1]) == (143, "CANCELLED"), output
    assert again.code == 0, again.output
    assert (far.metric(), len(commits(far)), emr.wait_until_over()[3:]) == (DAY_ROWS, 1, DONE)


@pytest.mark.faults
def test_a_step_that_fails_is_named_with_its_cause_and_the_next_run_submits_another(far, emr):
    emr.fail("2/3", stderr="Caused by: java.io.IOException: No space left on device\n\tat a.B.write(B.java:7)\n")

    failed = far.metric_of(DAY)
    again = far.metric_of(DAY)

    assert failed.code == 30
    assert re.search(r"step 2 of 3 \(s-\w+ on j-\w+\) FAILED", failed.output)
    assert "java.io.IOException: No space left on device (B.java:7)" in failed.output
    assert again.code == 0, again.output
    assert (far.metric(), len(commits(far)), submissions(emr)) == (DAY_ROWS, 1, 2)


@pytest.mark.faults
def test_a_job_that_throws_is_named_with_what_it_threw_and_the_line(far, emr):
    with far.in_force():
        # Where there is a script for this version of the jobs, none is uploaded.
        lake().store.create(f"code/{code_hash()}/classified_movie_review.py", b"import sys\nprint(sys.no_such_name)\n")

    failed = far.metric_of(DAY)

    assert failed.code == 30
    error = "AttributeError: module 'sys' has no attribute 'no_such_name' (classified_movie_review.py:2)"
    assert error in failed.output, failed.output
    # The last step clears HDFS, and may be at it when the run has ended.
    assert (emr.wait_until_over()[1], emr.hdfs()) == ("FAILED", [])


@pytest.mark.faults
@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("number", range(1, 7))
def test_a_run_killed_at_a_commit_is_finished_by_the_same_command_with_one_submission(far, emr, moment, number):
    script = str(ROOT / "tests/killed_run.py")

    dead = far.run(sys.executable, script, moment, str(number), *METRIC, "--local-scheduler")
    again = far.metric_of(DAY)

    assert (dead.code, again.code) == (-signal.SIGKILL, 0), again.output
    assert (far.metric(), len(commits(far)), submissions(emr), emr.states()) == (DAY_ROWS, 1, 1, DONE)


@pytest.mark.faults
def test_logs_that_never_come_leave_where_to_look(far, emr):
    far.set("emr", log_wait_seconds="1")
    emr.delay_logs(None)
    emr.fail("2/3", stderr="Caused by: java.io.IOException: No space left on device\n")

    failed = far.metric_of(DAY)

    assert failed.code == 30
    assert f"{emr.log_uri}{emr.cluster_id}/steps/s-" in failed.output


@pytest.mark.faults
def test_a_cluster_that_dies_in_the_middle_is_named_and_another_makes_the_day(far, emr):
    emr.stall("2/3")
    process = far.start(*luigi_command(*METRIC))
    emr.wait_until_held()
    emr.terminate()
    code, output = ended(process)
    far.set("emr", cluster_id=emr.new_cluster())

    again = far.metric_of(DAY)

    assert code == 30 and "INTERRUPTED" in output
    assert again.code == 0, again.output
    assert (far.metric(), len(commits(far))) == (DAY_ROWS, 1)


@pytest.mark.faults
def test_a_run_that_stood_still_while_another_took_over_ends_well(far, emr):
    emr.stall("2/3")
    frozen = far.start(*luigi_command(*METRIC))
    emr.wait_until_held()
    frozen.send_signal(signal.SIGSTOP)
    emr.release()

    other = far.metric_of(DAY)
    frozen.send_signal(signal.SIGCONT)
    code, output = ended(frozen)

    assert (other.code, code) == (0, 0), output
    assert (far.metric(), len(commits(far)), submissions(emr)) == (DAY_ROWS, 1, 1)


@pytest.mark.faults
def test_calls_that_are_throttled_or_lost_are_no_failure(far, emr):
    emr.throttle("ListSteps", times=3)
    emr.throttle("AddJobFlowSteps")
    emr.lose_answer("AddJobFlowSteps")

    done = far.metric_of(DAY)

    assert done.code == 0, done.output
    assert (far.metric(), len(commits(far)), emr.states()) == (DAY_ROWS, 1, DONE)


@pytest.mark.faults
def test_a_step_that_emr_forgot_is_a_failure_and_the_next_run_submits_another(far, emr):
    emr.lose("2/3")

    failed = far.metric_of(DAY)
    again = far.metric_of(DAY)

    assert (failed.code, again.code) == (30, 0), again.output
    assert (far.metric(), len(commits(far))) == (DAY_ROWS, 1)


@pytest.mark.faults
def test_two_runs_at_once_submit_one_partition_once(far, emr):
    processes = [far.start(*luigi_command(*METRIC)) for _ in range(2)]

    results = [ended(process) for process in processes]

    assert [code for code, _ in results] == [0, 0], results
    assert (far.metric(), len(commits(far)), submissions(emr), emr.states()) == (DAY_ROWS, 1, 1, DONE)


@pytest.mark.faults
def test_days_at_once_by_several_workers_are_submitted_and_loaded_once_each(far, emr):
    far.set("emr", cluster_id=emr.new_cluster(side_by_side=2))
    far.lakeshift("seed", "--overwrite", "--days", "4", "--rows", "2000", "--reviews-count", "1000")

    done = far.luigi(
        "RangeDaily", "--of", "UserBehaviourMetric", "--start", DAY, "--stop", "2010-12-04", "--workers", "3"
    )

    assert done.code == 0, done.output
    assert (len(set(commits(far))), submissions(emr)) == (3, 3)
    markers = far.query("SELECT partition_key, row_count FROM public.etl_load ORDER BY partition_key")
    rows = far.query("SELECT insert_date, count(*) FROM public.user_behavior_metric GROUP BY insert_date")
    assert markers == [(f"insert_date={day}", count) for day, count in sorted(rows)]
