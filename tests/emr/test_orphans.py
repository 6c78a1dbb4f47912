"""What runs on EMR and nobody waits for is found, told from what somebody waits for, and ended."""

from __future__ import annotations

import multiprocessing
from dataclasses import replace
from datetime import timedelta

import pytest
from emr_serverless_work import ServerlessBench
from emr_work import KEY, TITLE, Bench
from fixtures_s3 import REGION
from processes import wait_until

from emr import orphans
from emr.api import Emr
from emr.errors import StepFailed
from emr.lease import Lease, new_lease, now
from emr.orphans import Services, going
from emr.serverless import Serverless

FORK = multiprocessing.get_context("fork")
ROOT = TITLE.split()[1]


@pytest.fixture
def bench(emr, tmp_path, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL_EMR", emr.endpoint_url)
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    return Bench(emr, tmp_path, middle=("sleep", "60"))


@pytest.fixture
def serverless_bench(serverless, tmp_path, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL_EMR_SERVERLESS", serverless.endpoint_url)
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    return ServerlessBench(serverless, tmp_path, middle=("sleep", "60"))


def services():
    return Services(Emr.connect(), Serverless.connect())


def found(bench, root=ROOT):
    return going(services(), bench.ledger, root, [bench.twin.cluster_id])


def whys(bench):
    return [one.why for one in found(bench)]


def begun(bench):
    """Return a process that waits for steps."""
    process = FORK.Process(target=bench.run)
    process.start()
    wait_until(lambda: bench.ledger.read(KEY) and bench.entry.step_ids and "RUNNING" in bench.twin.states()[-3:])
    return process


def left(bench):
    """Have steps that are left by a process that was killed."""
    process = begun(bench)
    process.kill()
    process.join()


def change(bench, **changes):
    assert bench.ledger.mark(KEY, bench.ledger.read(KEY), **changes)


def test_steps_are_orphans_from_when_their_owner_dies(bench, emr):
    owner = begun(bench)
    before = whys(bench)
    owner.kill()
    owner.join()

    [one] = found(bench)

    assert before == [""]
    assert (one.why, one.key, one.name) == (f"{bench.entry.lease} is gone", KEY, bench.entry.name)
    assert str(bench.entry.lease).startswith(f"process {owner.pid} of ")
    assert [step.id for step in one.steps] == list(bench.entry.step_ids)[-len(one.steps) :]


def test_steps_of_another_host_are_orphans_when_nobody_there_and_nobody_else_has_answered_for_them(bench):
    left(bench)

    def why(minutes):
        change(bench, lease=Lease("elsewhere 1 2.0", (now() - timedelta(minutes=minutes)).isoformat()))
        return whys(bench)

    assert (why(19), why(21)) == ([""], ["process 1 of elsewhere is gone"])


def test_steps_that_another_generation_has_replaced_are_orphans(bench):
    left(bench)
    change(bench, name=f"{TITLE} g2 other", generation=2, lease=new_lease())

    assert whys(bench) == ["another, g2, has taken its place"]


def test_steps_of_which_the_ledger_knows_nothing_are_orphans(bench):
    left(bench)
    (bench.folder / "lake/_emr" / f"{KEY}.json").unlink()

    assert whys(bench) == ["the ledger knows nothing of it"]


def test_an_intent_that_was_not_answered_is_left_to_whoever_sends_it(bench):
    left(bench)
    change(bench, state="INTENT", step_ids=(), lease=new_lease())

    assert whys(bench) == [""]


def test_steps_of_another_lake_and_of_others_are_none_of_ours(bench, emr):
    left(bench)
    other = {"ActionOnFailure": "CONTINUE", "HadoopJarStep": {"Jar": "command-runner.jar", "Args": ["sleep", "60"]}}
    for name in ("other", f"lakeshift {ROOT} by hand"):
        emr.client.add_job_flow_steps(JobFlowId=emr.cluster_id, Steps=[other | {"Name": name}])

    assert found(bench, root="ffffffffffff") == []
    assert [one.name for one in found(bench)] == [bench.entry.name]


def test_the_step_that_clears_away_what_a_failed_one_left_is_let_do_so(bench, emr):
    emr.fail("1/3")
    emr.stall("3/3")
    with pytest.raises(StepFailed):
        bench.run()
    emr.wait_until_held()

    assert found(bench) == []
    emr.release()
    assert emr.wait_until_over()[-1] == "COMPLETED"


def test_orphans_are_cancelled_and_the_next_run_submits_others(bench, emr):
    left(bench)
    [one] = found(bench)

    assert orphans.cancel(services(), bench.ledger, one)

    assert set(emr.wait_until_over()) <= {"COMPLETED", "CANCELLED"} and bench.entry.state == "CANCELLED"
    bench.middle = ("true",)
    assert (bench.run().generation, emr.states()[-3:]) == (2, ["COMPLETED"] * 3)


def test_steps_that_somebody_waits_for_since_they_were_seen_are_not_cancelled(bench, emr):
    left(bench)
    [one] = found(bench)
    change(bench, lease=new_lease())

    assert not orphans.cancel(services(), bench.ledger, one)
    assert emr.calls("CancelSteps") == 0


def test_a_cancellation_that_was_killed_is_completed_by_the_next(bench):
    left(bench)
    change(bench, state="CANCELLED")

    [one] = found(bench)

    assert one.why == "it is CANCELLED"
    assert orphans.cancel(services(), bench.ledger, one)
    assert found(bench) == []


def test_many_open_steps_are_all_looked_at(bench, emr):
    left(bench)
    steps = [{**step, "Name": f"{TITLE} g0 {number} 1/1"} for number in range(60) for step in bench.steps("x")[:1]]
    emr.client.add_job_flow_steps(JobFlowId=emr.cluster_id, Steps=steps)

    assert len(found(bench)) == 61


def test_job_runs_are_found_and_cancelled_as_steps_are(serverless_bench, serverless):
    process = FORK.Process(target=serverless_bench.run)
    process.start()
    wait_until(lambda: serverless_bench.ledger.read(KEY) and serverless_bench.entry.step_ids)
    before = whys(serverless_bench)
    process.kill()
    process.join()
    [one] = found(serverless_bench)

    assert (before, one.why) == ([""], f"{serverless_bench.entry.lease} is gone")
    assert orphans.cancel(services(), serverless_bench.ledger, one)
    assert serverless.wait_until_over() == ["CANCELLED"]


def test_steps_for_which_another_host_waits_too_are_no_orphans_when_their_owner_here_dies(bench):
    left(bench)
    change(bench, hosts=("elsewhere",))
    before = whys(bench)

    change(bench, lease=replace(bench.entry.lease, until=(now() - timedelta(minutes=21)).isoformat()))

    assert (before, whys(bench)) == ([""], [f"{bench.entry.lease} is gone"])
