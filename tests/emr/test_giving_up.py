"""What a submission that is given up has left open is cancelled, though EMR is throttling or tells nothing of it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from emr_clusters import PoolBench, kill_started, process_of
from emr_work import KEY, Bench
from fixtures_s3 import REGION
from processes import wait_until

from emr import watching
from emr.api import Emr
from emr.errors import StepFailed
from emr.runner import run


@pytest.fixture
def bench(emr, tmp_path, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL_EMR", emr.endpoint_url)
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    yield Bench(emr, tmp_path)
    kill_started()


@pytest.fixture
def client():
    """EMR as it is when botocore, which asks several times, has given up."""
    asked_once = Emr.connect()
    asked_once.client = asked_once.once
    return asked_once


def test_a_throttled_cancellation_hides_no_failure_and_leaves_nothing_running(bench, emr, client):
    bench.middle = ("sleep", "60")
    emr.fail("1/3")
    emr.throttle("CancelSteps", times=2)

    with pytest.raises(StepFailed, match="1/3 FAILED"):
        run(client, bench.ledger, bench.work(), bench.heard)

    assert bench.entry.state == "FAILED"
    assert emr.wait_until_over() == ["FAILED", "CANCELLED", "COMPLETED"]


def test_a_step_that_fails_is_what_is_told_though_the_others_cannot_be_cancelled(bench, emr, client):
    client.patience_seconds = 0
    bench.middle = ("sleep", "3")
    emr.fail("1/3")
    emr.throttle("CancelSteps")

    with pytest.raises(StepFailed, match="1/3 FAILED"):
        run(client, bench.ledger, bench.work(), bench.heard)

    assert bench.entry.state == "FAILED"


class Unlisted(Emr):
    """EMR before it lists a submission's steps: asked for these, it tells nothing for so many times."""

    times = 0

    def steps(self, cluster_id, ids):
        self.times -= 1
        return [] if self.times >= 0 else super().steps(cluster_id, ids)


def test_steps_that_emr_does_not_list_yet_are_not_lost(bench):
    late = Unlisted.connect()
    late.times = watching.LOOKS_WITHOUT + 1

    assert run(late, bench.ledger, bench.work(), bench.heard).generation == 1


def test_steps_that_emr_never_lists_are_cancelled_all_the_same(bench, emr, monkeypatch):
    monkeypatch.setattr(watching, "LOST_SECONDS", 1)
    bench.middle = ("sleep", "60")
    silent = Unlisted.connect()
    silent.times = 1_000_000

    with pytest.raises(StepFailed, match="LOST"):
        run(silent, bench.ledger, bench.work(), bench.heard)

    assert emr.wait_until_over()[1:] == ["CANCELLED", "COMPLETED"]


def test_outdated_steps_in_a_pool_are_cancelled_before_a_slot_is_waited_for(bench, emr):
    mine = PoolBench(bench)
    bench.middle = ("sleep", "60")
    dead = process_of(mine.run)
    wait_until(lambda: bench.ledger.read(KEY) and bench.entry.step_ids)
    emr.cluster_id = bench.entry.cluster_id
    wait_until(lambda: emr.states()[1:2] == ["RUNNING"])
    dead.kill()
    dead.join()

    bench.inputs, bench.middle = ("raw 2",), ("true",)
    entry = replace(mine, owner="").run()

    assert (entry.generation, entry.cluster_id) == (2, emr.cluster_id)
    assert emr.states() == ["COMPLETED", "CANCELLED", "CANCELLED", *["COMPLETED"] * 3]
