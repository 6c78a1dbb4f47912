"""The cluster of a run that is gone is found and ended, and no other."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from emr_clusters import RunBench
from emr_work import Bench
from fixtures_s3 import REGION

from emr.api import Emr
from emr.clusters import orphans
from emr.clusters.records import ENDING
from emr.lease import Lease, long_lease, now

ROOT = "0123456789ab"


@pytest.fixture
def mine(emr, tmp_path, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL_EMR", emr.endpoint_url)
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    return RunBench(Bench(emr, tmp_path))


@pytest.fixture
def dead(mine):
    """A run that is gone; its cluster goes on."""
    run = mine.left_by_a_dead_run()
    cluster_id = replace(mine, id=run.id).take()
    [kept] = mine.records
    assert mine.records.mark(kept, owner=run.owner, lease=replace(kept.record.lease, owner=run.owner))
    assert cluster_id == found(mine)[0].id
    return run


def found(run, root=ROOT, in_use=()):
    return orphans.orphans(Emr.connect(), run.records, root, in_use)


def end(run, one):
    return orphans.end(Emr.connect(), run.records, one)


def states(emr):
    return [one["state"] for one in emr.made()]


def change(run, **changes):
    [kept] = run.records
    assert run.records.mark(kept, **changes)


def test_the_cluster_of_a_run_that_lives_is_no_orphan(mine):
    mine.take()

    assert found(mine) == []


def test_the_cluster_of_a_run_that_is_gone_is_ended(dead, emr):
    [one] = found(dead)

    assert one.why == f"process {dead.owner.split()[1]} of {dead.owner.split('/')[0]} is gone"
    assert end(dead, one)
    assert (states(emr)[0].startswith("TERMINAT"), list(dead.records), found(dead)) == (True, [], [])


@pytest.mark.parametrize(("minutes", "is_orphan"), [(19, False), (21, True)])
def test_of_a_run_of_another_host_it_is_known_late_that_it_is_gone(dead, minutes, is_orphan):
    change(dead, lease=Lease("elsewhere 1 2.0", (now() - timedelta(minutes=minutes)).isoformat()))

    assert bool(found(dead)) is is_orphan


def test_a_cluster_of_which_the_lake_knows_nothing_is_ended(dead, emr):
    [kept] = dead.records
    dead.records.remove(kept)

    [one] = found(dead)

    assert one.why == "the lake knows nothing of it"
    assert end(dead, one) and states(emr)[0].startswith("TERMINAT")


def test_a_cluster_on_which_somebody_waits_for_steps_stays(dead):
    [one] = found(dead)

    assert found(dead, in_use={one.id}) == []


def test_a_cluster_that_a_run_has_taken_since_it_was_seen_stays(dead, emr):
    [one] = found(dead)
    change(dead, lease=long_lease())

    assert not end(dead, one)
    assert not states(emr)[0].startswith("TERMINAT")


def test_the_end_of_a_cluster_that_was_begun_by_a_process_that_died_is_completed(dead, emr):
    change(dead, state=ENDING)

    [one] = found(dead)

    assert end(dead, one) and states(emr)[0].startswith("TERMINAT")


def test_a_cluster_of_another_lake_is_none_of_ours(dead):
    assert found(dead, root="ffffffffffff") == []


@pytest.mark.parametrize("tags", [{"lakeshift:root": ROOT}, {"lakeshift:root": ROOT, "lakeshift:pool": "nightly"}])
def test_a_cluster_that_is_no_runs_own_stays(mine, emr, tags):
    emr.client.run_job_flow(
        Name=f"lakeshift {ROOT} nightly-1 g1", ReleaseLabel="emr-7.12.0",
        Instances={"KeepJobFlowAliveWhenNoSteps": True, "InstanceCount": 1, "MasterInstanceType": "m7g.xlarge"},
        Tags=[{"Key": key, "Value": value} for key, value in tags.items()],
    )  # fmt: skip

    assert found(mine) == []


def test_a_cluster_that_its_run_ends_while_it_is_looked_at_is_no_orphan(mine, monkeypatch):
    mine.take()
    ready = orphans.api.ready

    def ended_then(emr):
        listed = list(ready(emr))
        assert mine.clusters.end()
        return listed

    monkeypatch.setattr(orphans.api, "ready", ended_then)

    assert found(mine) == []
