"""Job runs of EMR Serverless are begun once, found again, watched, and given up."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from itertools import count

import pytest
from botocore.exceptions import ClientError
from emr_serverless_work import ServerlessBench
from emr_work import KEY, TITLE
from fixtures_s3 import REGION
from processes import wait_until

from emr import adoption, runner, submission
from emr.errors import ClusterUnfit, StepFailed, Unsettled
from emr.lease import this_process
from emr.serverless import Serverless

# botocore sends what was not answered so often by itself.
SENT = 5


@pytest.fixture
def bench(serverless, tmp_path, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL_EMR_SERVERLESS", serverless.endpoint_url)
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    monkeypatch.setattr(adoption, "SETTLING", timedelta(seconds=1))
    monkeypatch.setattr(adoption, "LOOK_SECONDS", 0.1)
    monkeypatch.setattr(submission, "AGAIN_SECONDS", (0.1, 0.2))
    # It waits up to 20 seconds between two tries.
    monkeypatch.setattr("botocore.retries.standard.ExponentialBackoff.delay_amount", lambda *context: 0.01)
    return ServerlessBench(serverless, tmp_path)


def in_thread(work):
    """Return what waits for work that goes on in a thread, and returns or raises as it does."""
    future = ThreadPoolExecutor(1).submit(work)
    return lambda: future.result(timeout=60)


def test_a_partition_is_one_job_run_that_carries_a_name(bench, serverless):
    entry = bench.run()

    assert serverless.steps() == [(f"{TITLE} g1 {entry.attempt} 1/1", "SUCCESS")]
    assert bench.entry.state == "COMPLETED"
    assert bench.result(entry.attempt).exists()


def test_it_is_told_where_the_logs_come_and_when_it_is_done(bench, serverless):
    entry = bench.run()

    [url] = bench.heard.urls
    assert url.startswith(f"https://{REGION}.console.aws.amazon.com/s3/buckets/lake-")
    assert url.endswith(f"applications/{serverless.cluster_id}/jobs/{entry.step_ids[0]}/SPARK_DRIVER/")
    assert bench.heard.percents[-1] == 100


def test_what_was_made_and_not_used_is_not_made_again(bench, serverless):
    first = bench.run()

    assert bench.run().attempt == first.attempt
    assert serverless.states() == ["SUCCESS"]


def test_a_job_run_that_makes_it_of_other_inputs_is_cancelled(bench, serverless):
    bench.middle = ("sleep", "60")
    stale = in_thread(bench.run)
    wait_until(lambda: serverless.states() == ["RUNNING"] and bench.entry.step_ids)
    bench.inputs, bench.middle = ("raw 2",), ("true",)

    bench.run()

    with pytest.raises(StepFailed, match="CANCELLED"):
        stale()
    assert serverless.wait_until_over() == ["CANCELLED", "SUCCESS"]


def test_a_call_that_was_not_answered_is_repeated_and_begins_nothing_else(bench, serverless):
    serverless.lose_answer("StartJobRun", times=2)

    assert bench.run().generation == 1
    assert (serverless.states(), serverless.calls("StartJobRun")) == (["SUCCESS"], 3)


def test_a_job_run_whose_answers_were_all_lost_is_found_by_its_name(bench, serverless):
    serverless.lose_answer("StartJobRun", times=SENT)

    assert bench.run().generation == 1
    assert (serverless.states(), serverless.calls("StartJobRun")) == (["SUCCESS"], SENT)


def test_a_call_that_was_lost_is_made_again_for_the_same_attempt(bench, serverless):
    serverless.lose_call("StartJobRun", times=SENT)

    assert bench.run().generation == 1
    assert serverless.states() == ["SUCCESS"]


def test_a_job_run_that_is_not_listed_yet_is_had_by_the_same_call(bench, serverless):
    serverless.lose_answer("StartJobRun", times=SENT)
    serverless.leave_out()

    assert bench.run().generation == 1
    assert serverless.states() == ["SUCCESS"]


def test_a_job_run_that_was_asked_for_with_other_settings_is_found_once_it_is_listed(bench, serverless, monkeypatch):
    serverless.lose_answer("StartJobRun", times=SENT)
    serverless.leave_out(times=3)
    monkeypatch.setattr(runner, "ROUNDS", 1)
    with pytest.raises(Unsettled):
        bench.run()
    bench.role = "arn:aws:iam::123456789012:role/another"

    assert bench.run().generation == 1
    assert serverless.states() == ["SUCCESS"]


# botocore waits for seconds once it was throttled.
@pytest.mark.parametrize(
    "action", ["StartJobRun", *(pytest.param(one, marks=pytest.mark.faults) for one in ("GetApplication", "GetJobRun"))]
)
def test_a_throttled_call_is_no_failure(bench, serverless, action):
    serverless.throttle(action, times=2)

    assert bench.run().generation == 1
    assert serverless.states() == ["SUCCESS"]


def test_a_job_run_that_fails_says_so_and_the_next_run_begins_another(bench, serverless):
    serverless.fail(TITLE)
    with pytest.raises(StepFailed, match="FAILED Job failed, please check") as failed:
        bench.run()

    assert bench.run().generation == 2
    assert serverless.states() == ["FAILED", "SUCCESS"]
    assert failed.value.step.log_file.startswith(serverless.log_uri)
    assert failed.value.step.ended_at >= failed.value.step.started_at >= failed.value.step.created_at


def test_a_submission_can_be_cancelled_by_whoever_outlives_its_process(bench, serverless):
    bench.middle = ("sleep", "60")
    in_background = in_thread(bench.run)
    wait_until(lambda: serverless.states() == ["RUNNING"] and bench.entry.step_ids)

    cancelled = runner.cancel(Serverless.connect(), bench.ledger, KEY, this_process())

    assert cancelled and serverless.wait_until_over() == ["CANCELLED"]
    with pytest.raises(StepFailed, match="CANCELLED"):
        in_background()


def test_one_question_tells_of_all_job_runs_that_go_on(bench, serverless):
    serverless.stall("run", times=60)
    service, requests = Serverless.connect(), bench.steps("1")
    ids = service.add(serverless.cluster_id, [{**requests[0], "Name": f"run {number}"} for number in range(60)])
    serverless.wait_until_held(60)

    steps = service.steps(serverless.cluster_id, ids)

    assert [(step.id, step.state) for step in steps] == [(one, "RUNNING") for one in ids]
    assert (serverless.calls("ListJobRuns"), serverless.calls("GetJobRun")) == (2, 0)


def test_those_that_wait_for_one_application_look_together(bench, serverless, tmp_path):
    serverless.stall(TITLE, times=12)
    several = [replace(bench, folder=tmp_path / str(n), numbers=count(n), host=tmp_path / "host") for n in range(12)]
    for one in several:
        one.folder.mkdir()
    ends = [in_thread(one.run) for one in several]
    serverless.wait_until_held(12)
    wait_until(lambda: serverless.calls("ListJobRuns") >= 3)

    serverless.release()
    for end in ends:
        end()

    # Where its logs are, how it ended, and while few were waiting.
    assert serverless.calls("GetJobRun") <= 3 * 12
    assert serverless.states() == ["SUCCESS"] * 12


def test_what_has_ended_just_before_it_is_cancelled_is_no_error(bench, serverless):
    entry = bench.run()

    Serverless.connect().cancel(entry.cluster_id, entry.step_ids)

    assert serverless.states() == ["SUCCESS"]


@pytest.mark.parametrize(("state", "starts"), [("TERMINATED", True), ("STOPPED", False), ("CREATED", False)])
def test_an_application_that_takes_no_job_runs_is_refused_by_its_state(bench, serverless, state, starts):
    serverless.cluster_id = serverless.new_application(state, starts)

    with pytest.raises(ClusterUnfit, match=f"application {serverless.cluster_id} is {state} and takes no job runs"):
        bench.run()


def test_an_application_that_starts_by_itself_takes_job_runs_while_it_is_stopped(bench, serverless):
    serverless.cluster_id = serverless.new_application("STOPPED")

    bench.run()

    assert serverless.states() == ["SUCCESS"]


def test_an_application_that_is_not_there_is_named(bench, serverless):
    serverless.cluster_id = "00nothing"

    with pytest.raises(ClientError, match="Application 00nothing does not exist"):
        bench.run()


@pytest.mark.parametrize("elsewhere", ["j-1", "00gone"])
def test_an_intent_for_what_is_no_longer_there_is_over(bench, serverless, elsewhere):
    bench.run()
    kept = bench.ledger.read(KEY)
    bench.ledger.mark(KEY, kept, cluster_id=elsewhere, step_ids=(), state="INTENT")

    entry = bench.run()

    assert (entry.generation, entry.cluster_id) == (2, serverless.cluster_id)


def test_steps_that_an_emr_cluster_ran_are_of_no_use_and_made_anew(bench, serverless):
    first = bench.run()
    bench.result(first.attempt).unlink()
    kept = bench.ledger.read(KEY)
    bench.ledger.mark(KEY, kept, cluster_id="j-1", step_ids=("s-1",), state="SUBMITTED")

    assert bench.run().generation == 2
