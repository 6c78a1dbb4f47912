"""The user-behaviour pipeline with its reviews classified on EMR: undisturbed, stopped, failing, and at once."""

# ruff: noqa: F811 - fixtures

from __future__ import annotations

import re
import signal

import pytest
from fixtures_far import DONE, MADE_ONCE, METRIC, commits, ended, far, made, submissions  # noqa: F401 - fixtures
from processes import wait_until
from project import DAY, luigi_command

from pipeline.core.lake import lake
from pipeline.core.spark.code import code_hash


def test_a_day_goes_by_way_of_s3_emr_and_redshift(far, emr):
    far.set("emr_prices", **{"m7g.xlarge": "204"})

    done = far.metric_of(DAY)

    assert done.code == 0, done.output
    assert re.search(rf"EMR: 0\.\d+ instance-hours on {emr.cluster_id} \(3 m7g.xlarge\), \d+\.\d+ USD", done.output)
    assert (made(far), emr.states(), emr.hdfs()) == (MADE_ONCE, DONE, [])
    assert [attempt in name for (name, _), attempt in zip(emr.steps(), commits(far) * 3, strict=True)] == [True] * 3
    assert far.metric_of(DAY).output.startswith("Nothing to do")


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
    assert (made(far), emr.states()[3:]) == (MADE_ONCE, DONE)


@pytest.mark.faults
def test_a_step_that_fails_is_named_with_its_cause_and_the_next_run_submits_another(far, emr):
    emr.fail("2/3", stderr="Caused by: java.io.IOException: No space left on device\n\tat a.B.write(B.java:7)\n")

    failed = far.metric_of(DAY)
    again = far.metric_of(DAY)

    assert failed.code == 30
    assert re.search(r"step 2 of 3 \(s-\w+ on j-\w+\) FAILED", failed.output)
    assert "java.io.IOException: No space left on device (B.java:7)" in failed.output
    assert again.code == 0, again.output
    assert (made(far), submissions(emr)) == (MADE_ONCE, 2)


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
def test_calls_that_are_throttled_or_lost_are_no_failure(far, emr):
    emr.throttle("ListSteps", times=3)
    emr.throttle("AddJobFlowSteps")
    emr.lose_answer("AddJobFlowSteps")

    done = far.metric_of(DAY)

    assert done.code == 0, done.output
    assert (made(far), emr.states()) == (MADE_ONCE, DONE)


@pytest.mark.faults
def test_a_step_that_emr_forgot_is_a_failure_and_the_next_run_submits_another(far, emr):
    emr.lose("2/3")

    failed = far.metric_of(DAY)
    again = far.metric_of(DAY)

    assert (failed.code, again.code) == (30, 0), again.output
    assert made(far) == MADE_ONCE


@pytest.mark.faults
def test_two_runs_at_once_submit_one_partition_once(far, emr):
    processes = [far.start(*luigi_command(*METRIC)) for _ in range(2)]

    results = [ended(process) for process in processes]

    assert [code for code, _ in results] == [0, 0], results
    assert (made(far), submissions(emr), emr.states()) == (MADE_ONCE, 1, DONE)


@pytest.mark.faults
def test_a_run_goes_on_when_the_one_whose_steps_it_shares_is_stopped(far, emr):
    emr.stall("2/3")
    stopped = far.start(*luigi_command(*METRIC))
    emr.wait_until_held()
    other = far.start(*luigi_command(*METRIC))
    wait_until(lambda: "is adopted" in far.log, 60)

    stopped.send_signal(signal.SIGTERM)
    (code, _), (other_code, output) = ended(stopped), ended(other)

    assert (code, other_code) == (143, 0), output
    assert (made(far), submissions(emr), emr.states()[3:]) == (MADE_ONCE, 2, DONE)


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
