"""Two runs share steps on the cluster of one of them, which ends it when it is stopped."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from emr_clusters import RunBench, kill_started, process_of
from emr_work import KEY, Bench
from fixtures_s3 import REGION
from processes import wait_until

from emr.board import Board
from emr.errors import StepFailed


@pytest.fixture
def mine(emr, tmp_path, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL_EMR", emr.endpoint_url)
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    yield RunBench(Bench(emr, tmp_path, middle=("sleep", "60")))
    kill_started()


def until_running(mine, waiters):
    """Return the cluster on which the step runs, once so many wait for it."""

    def is_running():
        kept = mine.bench.ledger.read(KEY)
        if not kept or not kept.entry.step_ids:
            return False
        mine.bench.twin.cluster_id = kept.entry.cluster_id
        board = Board(mine.bench.folder / "host" / kept.entry.cluster_id)
        return mine.bench.twin.states() == ["RUNNING"] and len(board.waiters()) == waiters

    wait_until(is_running)
    return mine.bench.twin.cluster_id


def test_who_shares_steps_submits_others_when_the_run_ends_whose_cluster_they_were_on(mine, emr):
    worker = process_of(mine.run)
    theirs = until_running(mine, waiters=1)
    mine.bench.middle = ("true",)
    other = process_of(lambda: replace(mine, id=f"{mine.id}-2", owner="").run())
    until_running(mine, waiters=2)
    worker.kill()
    worker.join()
    wait_until(lambda: str(other.pid) in mine.bench.entry.lease.owner)

    assert mine.clusters.end() == [theirs]

    other.join(60)
    assert (other.exitcode, mine.bench.entry.generation, mine.bench.entry.state) == (0, 2, "COMPLETED")
    assert mine.bench.entry.cluster_id == emr.made()[1]["id"]


def test_a_run_whose_own_cluster_somebody_ends_makes_no_other_for_the_same_steps(mine, emr):
    failing = ThreadPoolExecutor(1).submit(mine.run)
    cluster_id = until_running(mine, waiters=1)

    emr.client.terminate_job_flows(JobFlowIds=[cluster_id])

    with pytest.raises(StepFailed, match="INTERRUPTED"):
        failing.result(60)
    assert len(emr.made()) == 1
