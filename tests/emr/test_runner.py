"""Steps are submitted once, found again, watched, and given up."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from botocore.exceptions import ClientError
from emr_work import KEY, TITLE, Bench
from fixtures_s3 import REGION
from processes import wait_until

from emr import adoption, runner, submission, watching
from emr.api import Emr
from emr.errors import ClusterUnfit, StepFailed, Unsettled
from emr.lease import this_process


@pytest.fixture
def bench(emr, tmp_path, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL_EMR", emr.endpoint_url)
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    monkeypatch.setattr(adoption, "SETTLING", timedelta(seconds=1))
    monkeypatch.setattr(submission, "AGAIN_SECONDS", (0.1, 0.2))
    return Bench(emr, tmp_path)


def in_thread(work):
    """Return what waits for work that goes on in a thread, and returns or raises as it does."""
    future = ThreadPoolExecutor(1).submit(work)
    return lambda: future.result(timeout=60)


def test_the_steps_of_a_partition_carry_a_name_by_which_they_are_found(bench, emr):
    entry = bench.run()

    name = f"{TITLE} g1 {entry.attempt}"
    assert emr.steps() == [(f"{name} {number}/3", "COMPLETED") for number in (1, 2, 3)]
    assert (entry.name, bench.entry.state) == (name, "COMPLETED")
    assert bench.result(entry.attempt).exists()


def test_it_is_told_how_far_the_steps_are_and_where_they_can_be_watched(bench, emr):
    bench.middle = ("sleep", "2")

    bench.run()

    assert bench.heard.percents == sorted(bench.heard.percents)
    assert 30 < bench.heard.percents[-2] < 70 and bench.heard.percents[-1] == 100
    [url] = bench.heard.urls
    assert url.startswith("https://eu-west-1.console") and url.endswith(emr.cluster_id)


def test_what_was_made_and_not_used_is_not_made_again(bench, emr):
    first = bench.run()

    again = bench.run()

    assert again.attempt == first.attempt
    assert len(emr.steps()) == 3


def test_what_was_made_of_other_inputs_is_made_again(bench, emr):
    first = bench.run()
    bench.inputs = ("raw 2",)

    again = bench.run()

    assert (again.generation, again.inputs) == (2, ("raw 2",))
    assert again.attempt != first.attempt and len(emr.steps()) == 6


def test_what_was_made_and_is_gone_is_made_again(bench):
    first = bench.run()
    bench.result(first.attempt).unlink()

    assert bench.run().generation == 2


def test_steps_that_make_it_of_other_inputs_are_cancelled(bench, emr):
    bench.middle = ("sleep", "60")
    stale = in_thread(bench.run)
    wait_until(lambda: emr.states()[1:2] == ["RUNNING"] and bench.entry.step_ids)
    bench.inputs, bench.middle = ("raw 2",), ("true",)

    bench.run()

    with pytest.raises(StepFailed, match="CANCELLED"):
        stale()
    assert emr.states() == ["COMPLETED", "CANCELLED", "CANCELLED", *["COMPLETED"] * 3]


def test_steps_are_found_behind_others_that_came_later(bench, emr):
    emr.lose_answer("AddJobFlowSteps")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(runner, "ROUNDS", 1)
        with pytest.raises(Unsettled):
            bench.run()
    other = {"ActionOnFailure": "CONTINUE", "HadoopJarStep": {"Jar": "command-runner.jar", "Args": ["true"]}}
    for number in range(60):
        emr.client.add_job_flow_steps(JobFlowId=emr.cluster_id, Steps=[other | {"Name": f"other {number}"}])

    assert bench.run().generation == 1


def test_steps_are_watched_on_the_cluster_that_they_were_sent_to(bench, emr):
    emr.stall("2/3")
    first = in_thread(bench.run)
    emr.wait_until_held()
    emr.cluster_id = emr.new_cluster()

    second = in_thread(bench.run)
    wait_until(lambda: len(bench.heard.urls) == 2)
    emr.release()

    assert first() == second()
    assert emr.steps() == []


def test_steps_whose_answer_was_lost_are_found_and_not_sent_again(bench, emr):
    emr.lose_answer("AddJobFlowSteps")

    entry = bench.run()

    assert entry.generation == 1
    assert emr.states() == ["COMPLETED"] * 3


def test_a_call_that_was_lost_is_made_again_for_another_attempt(bench, emr):
    emr.lose_call("AddJobFlowSteps")

    entry = bench.run()

    assert entry.generation == 2
    assert emr.states() == ["COMPLETED"] * 3


@pytest.mark.parametrize(
    "action",
    [
        "AddJobFlowSteps",
        pytest.param("ListSteps", marks=pytest.mark.faults),
        pytest.param("DescribeCluster", marks=pytest.mark.faults),
    ],
)
def test_a_throttled_call_is_no_failure(bench, emr, action):
    client = Emr.connect()
    # botocore's own attempts would hide what the refusals come to.
    client.client = client.once
    emr.throttle(action, times=2)

    assert runner.run(client, bench.ledger, bench.work(), bench.heard).generation == 1
    assert emr.states() == ["COMPLETED"] * 3


def test_a_step_that_fails_says_which_and_why(bench, emr):
    emr.fail("2/3", stderr="java.lang.OutOfMemoryError: Java heap space\n")

    with pytest.raises(StepFailed) as failed:
        bench.run()

    assert (failed.value.number, failed.value.step.state) == (2, "FAILED")
    assert failed.value.step.log_file.startswith(emr.log_uri)
    assert bench.entry.state == "FAILED"


def test_after_a_failure_the_next_run_submits_another_generation(bench, emr):
    emr.fail("2/3")
    with pytest.raises(StepFailed):
        bench.run()

    entry = bench.run()

    assert entry.generation == 2
    assert emr.wait_until_over() == ["COMPLETED", "FAILED", "COMPLETED", *["COMPLETED"] * 3]


def test_a_failed_step_cancels_those_of_its_own_but_for_the_one_that_cleans_up(bench, emr):
    bench.middle = ("sleep", "60")
    emr.fail("1/3")

    with pytest.raises(StepFailed):
        bench.run()

    assert emr.wait_until_over() == ["FAILED", "CANCELLED", "COMPLETED"]


def test_a_step_that_emr_forgot_is_a_failure(bench, emr, monkeypatch):
    monkeypatch.setattr(watching, "LOST_SECONDS", 1)
    emr.lose("2/3")

    with pytest.raises(StepFailed, match="LOST EMR knows it no more"):
        bench.run()


def test_a_cluster_that_dies_is_a_failure_and_another_one_takes_over(bench, emr):
    emr.stall("2/3", before=False)
    bench.middle = ("true",)
    in_background = in_thread(bench.run)
    emr.wait_until_held()

    emr.terminate()

    with pytest.raises(StepFailed, match="INTERRUPTED"):
        in_background()
    emr.cluster_id = emr.new_cluster()
    assert bench.run().generation == 2


def test_where_steps_run_side_by_side_one_does_it_all_in_order(bench, emr):
    emr.cluster_id = emr.new_cluster(side_by_side=2)
    bench.middle = ("sleep", "0.5")

    entry = bench.run()

    assert emr.steps() == [(f"{entry.name} 1/1", "COMPLETED")]
    assert bench.result(entry.attempt).exists()


def test_where_steps_run_side_by_side_one_that_fails_still_clears_away(bench, emr):
    emr.cluster_id = emr.new_cluster(side_by_side=2)
    bench.middle = ("false",)

    with pytest.raises(StepFailed):
        bench.run()

    assert bench.result(bench.entry.attempt).exists()


def test_a_cluster_that_has_ended_is_refused_by_its_state(bench, emr):
    emr.terminate()

    with pytest.raises(ClusterUnfit, match="TERMINATED_WITH_ERRORS"):
        bench.run()


def test_a_cluster_that_emr_does_not_know_is_named(bench, emr):
    emr.cluster_id = "j-NONE"

    with pytest.raises(ClientError, match="j-NONE"):
        bench.run()


def test_a_submission_can_be_cancelled_by_whoever_outlives_its_process(bench, emr):
    bench.middle = ("sleep", "60")
    in_background = in_thread(bench.run)
    wait_until(lambda: "RUNNING" in emr.states())
    wait_until(lambda: bench.entry.step_ids)

    cancelled = runner.cancel(Emr.connect(), bench.ledger, KEY, this_process())

    assert cancelled and "CANCELLED" in emr.wait_until_over()
    with pytest.raises(StepFailed, match="CANCELLED"):
        in_background()
    assert bench.entry.state == "CANCELLED"


def test_what_another_process_waits_for_is_not_cancelled(bench, emr):
    bench.run()

    assert runner.cancel(Emr.connect(), bench.ledger, KEY, "elsewhere 1 2.0") is None
