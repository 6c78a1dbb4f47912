"""A pool of clusters: its slots are each one submission's, whoever dies, and it grows to what a setting allows."""

from __future__ import annotations

import os
import signal
from dataclasses import replace
from datetime import timedelta

import pytest
from emr_clusters import PoolBench, kill_started, owner_of, process_of
from emr_work import Bench
from fixtures_s3 import REGION
from processes import wait_until

from emr.clusters import making, pool
from emr.clusters.pool import Pool
from emr.clusters.slots import Slot
from emr.errors import ClusterLost, Unsettled
from emr.lease import Lease, now


@pytest.fixture
def bench(emr, tmp_path, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL_EMR", emr.endpoint_url)
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    monkeypatch.setattr(making, "SETTLING", timedelta(seconds=0.3))
    monkeypatch.setattr(making, "LOOK_SECONDS", 0.1)
    yield Bench(emr, tmp_path)
    kill_started()


@pytest.fixture
def mine(bench):
    return PoolBench(bench)


def given_cluster(mine, side_by_side=1):
    """Return a cluster that somebody else made for the pool."""
    return mine.bench.twin.new_cluster(side_by_side, pool=mine.pool)


def step(mine, name, line=("sleep", "60")):
    return {
        "Name": f"{name} 1/1",
        "ActionOnFailure": "CONTINUE",
        "HadoopJarStep": {"Jar": "command-runner.jar", "Args": list(line)},
    }


def taking(mine, name):
    """Return a process that takes a slot for a submission, and leaves a file that says of which cluster."""

    def take():
        (mine.bench.folder / f"took-{name}").write_text(mine.take(name))
        signal.pause()

    process = process_of(take)
    return process, mine.bench.folder / f"took-{name}"


def killed(process):
    os.kill(process.pid, signal.SIGKILL)
    process.join()


def test_a_cluster_with_the_pool_s_tag_is_found(mine, emr):
    cluster_id = given_cluster(mine)
    emr.new_cluster(pool="another")

    assert mine.take() == cluster_id


def test_a_slot_that_is_taken_is_waited_for_until_it_is_given_back(mine):
    cluster_id = given_cluster(mine)
    first = mine.clusters
    first.take("first")
    waiting, took = taking(mine, "second")
    waiting.join(1)

    assert not took.exists()
    first.give_back("first", cluster_id)
    wait_until(took.exists)


def test_the_cluster_with_most_slots_is_taken(mine):
    given_cluster(mine)
    larger = given_cluster(mine, side_by_side=3)

    taken = [mine.take("first"), mine.take("second")]

    assert taken == [larger, larger]


def test_as_many_slots_as_steps_run_side_by_side(mine):
    cluster_id = given_cluster(mine, side_by_side=2)
    mine.take("first")
    mine.take("second")

    assert mine.slots.free(cluster_id, 2) == {}


def test_two_runs_that_race_for_the_last_slot_share_it_in_turn(mine):
    cluster_id = given_cluster(mine)
    runs = [process_of(replace(mine, id=f"{mine.id}-{day}", key=f"stage/review/day={day}").run) for day in range(3)]

    for one in runs:
        one.join(60)

    assert [one.exitcode for one in runs] == [0, 0, 0]
    mine.bench.twin.cluster_id = cluster_id
    assert mine.bench.twin.states() == ["COMPLETED"] * 9
    names = [name.rpartition(" ")[0] for name, _ in mine.bench.twin.steps()]
    assert names == [name for name in dict.fromkeys(names) for _ in range(3)]


@pytest.mark.parametrize("was_used", [False, True])
def test_of_two_that_saw_a_slot_free_one_has_it(mine, was_used):
    cluster_id = given_cluster(mine)
    if was_used:
        mine.clusters.give_back("before", mine.take("before"))
    seen = mine.slots.free(cluster_id, 1)[0]

    taken = [mine.slots.take(cluster_id, 0, seen, name) for name in ("first", "second")]

    assert taken == [True, False]


def test_a_slot_whose_owner_died_is_taken_over(mine):
    cluster_id = given_cluster(mine)
    dead, took = taking(mine, "first")
    wait_until(took.exists)

    killed(dead)

    assert mine.take("second") == cluster_id


@pytest.mark.parametrize(("minutes", "is_free"), [(-21, True), (1, False)])
def test_a_slot_of_another_host_is_free_once_its_lease_is_over(mine, minutes, is_free):
    cluster_id = given_cluster(mine)
    until = (now() + timedelta(minutes=minutes)).isoformat()
    theirs = Slot("first", Lease("elsewhere 1 1.0", until), now().isoformat())

    mine.slots._write(cluster_id, 0, theirs, None)

    assert (0 in mine.slots.free(cluster_id, 1)) == is_free


def test_a_slot_whose_owner_died_is_not_free_while_its_steps_go_on(mine, emr):
    cluster_id = given_cluster(mine)
    dead, took = taking(mine, "first")
    wait_until(took.exists)
    emr.client.add_job_flow_steps(JobFlowId=cluster_id, Steps=[step(mine, "first")])

    killed(dead)

    assert mine.slots.free(cluster_id, 1) == {}
    emr._ask("terminate", cluster_id=cluster_id)
    assert set(mine.slots.free(cluster_id, 1)) == {0}


def test_who_adopts_steps_answers_for_their_slot(mine):
    cluster_id = given_cluster(mine)
    dead, took = taking(mine, "first")
    wait_until(took.exists)
    killed(dead)

    mine.clusters.keep("first", cluster_id)

    assert mine.slots.free(cluster_id, 1) == {}
    mine.clusters.give_back("first", cluster_id)
    assert set(mine.slots.free(cluster_id, 1)) == {0}


def test_a_slot_that_another_has_by_now_is_not_given_back(mine):
    cluster_id = given_cluster(mine)
    mine.take("second")

    mine.clusters.give_back("first", cluster_id)

    assert mine.slots.free(cluster_id, 1) == {}


def test_a_cluster_with_no_room_among_its_256_steps_is_passed_over(mine, emr):
    full, other = given_cluster(mine, side_by_side=2), given_cluster(mine)
    for _ in range(2):
        steps = [step(mine, "theirs") for _ in range(127)]
        emr.client.add_job_flow_steps(JobFlowId=full, Steps=steps)

    assert mine.take() == other


def test_where_no_slot_is_free_a_cluster_is_made_up_to_the_limit(mine, emr):
    grown = replace(mine, most=2)
    first, second = grown.take("first"), grown.take("second")
    waiting, took = taking(grown, "third")
    waiting.join(2)

    assert [one["id"] for one in emr.made()] == [first, second]
    assert emr.made()[0]["tags"]["lakeshift:pool"] == mine.pool
    assert "lakeshift:run" not in emr.made()[0]["tags"]
    assert not took.exists()


def test_processes_that_need_a_slot_at_once_make_one_cluster(mine, emr):
    emr.hold("RunJobFlow")
    processes = [taking(replace(mine, most=1), str(number)) for number in range(3)]
    emr.wait_until_held()

    emr.release()
    wait_until(lambda: any(took.exists() for _, took in processes))

    assert len(emr.made()) == 1


def test_however_many_processes_of_a_run_wait_for_a_slot_one_asks_emr(mine, emr):
    given_cluster(mine)
    emr.hold("ListClusters")

    processes = [taking(mine, str(number))[0] for number in range(3)]
    emr.wait_until_held()
    processes[-1].join(1)

    assert emr.calls("ListClusters") == 1
    emr.release()


def test_a_cluster_whose_maker_was_killed_in_the_call_is_found(mine, emr):
    emr.hold("RunJobFlow", before=False)
    dead, _ = taking(mine, "first")
    emr.wait_until_held()
    killed(dead)
    emr.release()

    taken = mine.take("second")

    assert [one["id"] for one in emr.made()] == [taken]


def test_another_run_that_makes_a_cluster_is_waited_for(mine, emr):
    before = emr.calls("RunJobFlow")
    emr.hold("RunJobFlow")
    first, _ = taking(replace(mine, most=2), "first")
    emr.wait_until_held()
    other = replace(mine, id=f"{mine.id}-2", most=2, owner=owner_of(first.pid))
    waiting, _ = taking(other, "second")
    waiting.join(2)

    assert emr.calls("RunJobFlow") == before + 1
    emr.release()
    wait_until(emr.made)


def test_a_frozen_run_that_makes_a_cluster_is_not_waited_for_and_its_own_ends(mine, emr, monkeypatch):
    monkeypatch.setattr(pool, "CALL", timedelta(seconds=1))
    emr.hold("RunJobFlow")
    frozen, _ = taking(mine, "first")
    emr.wait_until_held()
    os.kill(frozen.pid, signal.SIGSTOP)

    _, took = taking(replace(mine, id=f"{mine.id}-2", owner=owner_of(os.getppid())), "second")

    wait_until(took.exists)
    emr.release()
    os.kill(frozen.pid, signal.SIGCONT)
    wait_until(lambda: [one["state"] for one in emr.made()] == ["WAITING", "TERMINATED"])
    assert took.read_text() == emr.made()[0]["id"]


def test_a_cluster_is_asked_for_again_in_the_name_of_who_still_makes_it(mine, emr, monkeypatch):
    emr.throttle("RunJobFlow")
    before, writes = emr.calls("RunJobFlow"), []
    maker = mine.clusters.maker

    def given_up(*arguments):
        writes.append(arguments)
        [kept] = maker.records
        maker.records.mark(kept, owner="another")

    monkeypatch.setattr(making.time, "sleep", given_up)

    assert maker.make(f"{mine.pool}-1", {}) is None
    assert (len(writes), emr.calls("RunJobFlow") - before, emr.made()) == (1, 1, [])


def test_a_call_that_is_lost_after_one_that_was_throttled_is_made_again(mine, emr, monkeypatch):
    monkeypatch.setattr(making, "AGAIN_SECONDS", (0.1, 0.2))
    emr.throttle("RunJobFlow")
    emr.lose_call("RunJobFlow")

    made = mine.clusters.maker.make(f"{mine.pool}-1", {})

    assert made and [one["id"] for one in emr.made()] == [made.record.cluster_id]


def test_a_cluster_that_was_idle_and_ended_is_followed_by_another(mine, emr):
    first = mine.take("first")
    assert emr.idle(first)

    assert mine.take("second") == emr.made()[1]["id"]


def test_a_cluster_that_was_taken_out_of_the_pool_is_followed_by_another(mine, emr):
    first = mine.take("first")
    emr.client.remove_tags(ResourceId=first, TagKeys=["lakeshift:pool"])

    _, took = taking(mine, "second")

    wait_until(took.exists)
    assert took.read_text() == emr.made()[1]["id"] != first


def test_who_waits_for_a_slot_asks_emr_no_more_than_every_half_second(mine, emr, monkeypatch):
    given_cluster(mine)
    mine.take("first")
    monkeypatch.setattr(Pool, "_has_grown", lambda self, members: True)
    before = emr.calls("ListClusters")

    waiting, _ = taking(mine, "second")
    waiting.join(3)

    assert emr.calls("ListClusters") - before <= 7


def test_a_cluster_that_fails_is_named_to_the_run_that_made_it_and_the_next_run_makes_another(mine, emr):
    emr.start_slowly(fails=True)
    first = mine.take("first")
    emr.release()
    wait_until(lambda: emr.made()[0]["state"] == "TERMINATED_WITH_ERRORS")

    with pytest.raises(ClusterLost, match=rf"{first} of the pool .*\(BOOTSTRAP_FAILURE"):
        mine.take("second")

    assert replace(mine, owner=owner_of(os.getppid())).take("third") == emr.made()[1]["id"]


def test_a_process_whose_run_was_killed_waits_no_longer(mine):
    given_cluster(mine)

    with pytest.raises(Unsettled, match="killed"):
        mine.left_by_a_dead_run().take("first")


def test_a_run_leaves_the_clusters_of_its_pool_as_they_are(mine, emr):
    entry = mine.run()

    assert [(one["id"], one["state"]) for one in emr.made()] == [(entry.cluster_id, "WAITING")]
    assert set(mine.slots.free(entry.cluster_id, 1)) == {0}
