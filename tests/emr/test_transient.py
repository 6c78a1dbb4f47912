"""A run's own cluster: made once whoever dies when, shared by its processes, and ended with the run."""

from __future__ import annotations

import os
import signal
from dataclasses import replace
from datetime import timedelta

import emr_clusters
import pytest
from botocore.exceptions import ClientError
from emr_clusters import RunBench, kill_started, owner_of, process_of
from emr_work import Bench
from fixtures_s3 import REGION
from processes import wait_until

from emr.clusters import api, making
from emr.clusters.records import Records, lease_of
from emr.errors import ClusterLost, StepFailed, Unsettled
from emr.lease import Lease, now


@pytest.fixture
def bench(emr, tmp_path, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL_EMR", emr.endpoint_url)
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    monkeypatch.setattr(making, "SETTLING", timedelta(seconds=0.3))
    monkeypatch.setattr(making, "LOOK_SECONDS", 0.1)
    monkeypatch.setattr(making, "AGAIN_SECONDS", (0.1, 0.2))
    yield Bench(emr, tmp_path)
    kill_started()


@pytest.fixture
def mine(bench):
    return RunBench(bench)


def states(emr):
    return [one["state"] for one in emr.made()]


def generations(emr):
    return [one["name"].split()[-1] for one in emr.made()]


def deadly(module, name, after=False):
    """Have a function kill its process before or after it does its work."""
    function = getattr(module, name)

    def dying(*arguments):
        if after:
            function(*arguments)
        os.kill(os.getpid(), signal.SIGKILL)

    setattr(module, name, dying)


def deadly_write(state, after):
    """Have a process die before or after it writes the record of a cluster in some state."""
    write = Records.write

    def dying(self, key, record, over):
        kept = write(self, key, record, over) if after or record.state != state else None
        if record.state == state:
            os.kill(os.getpid(), signal.SIGKILL)
        return kept

    Records.write = dying


MOMENTS = {
    "before the intent": lambda: deadly_write("INTENT", after=False),
    "after the intent": lambda: deadly_write("INTENT", after=True),
    "after the call and before its answer is stored": lambda: deadly(api, "make", after=True),
    "when the answer is stored": lambda: deadly_write("LIVE", after=True),
}


def test_the_first_submission_makes_the_cluster_and_the_others_share_it(mine, emr):
    first = mine.run()
    mine.bench.inputs = ("raw 2",)
    second = mine.run()

    [made] = emr.made()
    assert (first.cluster_id, second.cluster_id) == (made["id"], made["id"])
    assert made["name"] == f"lakeshift 0123456789ab {mine.id} g1"
    tags = {"lakeshift:root": "0123456789ab", "lakeshift:run": mine.id}
    assert made["tags"] == tags | {"for-use-with-amazon-emr-managed-policies": "true"}


def test_a_cluster_ends_with_its_run_and_leaves_no_record(mine, emr):
    cluster_id = mine.take()

    ended = mine.clusters.end()

    assert ended == [cluster_id]
    assert states(emr) == ["TERMINATED"]
    assert list(mine.records) == []


def test_a_cluster_that_cannot_be_ended_keeps_no_other_from_ending(mine, emr, monkeypatch):
    mine.clusters._made(None)
    other = replace(mine, id=f"{mine.id}-2").clusters._made(None).record.cluster_id
    refused, end = other, api.end

    def ending(emr, cluster_id):
        if cluster_id == refused:
            raise ConnectionError(cluster_id)
        end(emr, cluster_id)

    monkeypatch.setattr(api, "end", ending)

    with pytest.raises(ConnectionError, match=refused):
        mine.clusters.end()
    assert sorted(states(emr)) == ["TERMINATED", "WAITING"]


def test_two_processes_of_a_run_that_need_it_at_once_make_one(mine, emr):
    emr.hold("RunJobFlow")
    processes = [process_of(mine.take) for _ in range(3)]
    emr.wait_until_held()

    emr.release()
    for one in processes:
        one.join(60)

    assert [one.exitcode for one in processes] == [0, 0, 0]
    assert len(emr.made()) == 1


@pytest.mark.parametrize("moment", MOMENTS)
def test_what_a_killed_process_began_is_found_by_another_of_its_run(mine, emr, moment):
    def killed():
        MOMENTS[moment]()
        mine.take()

    dead = process_of(killed)
    dead.join(60)
    taken = mine.take()

    assert dead.exitcode == -signal.SIGKILL
    assert [one["id"] for one in emr.made()] == [taken]


@pytest.mark.parametrize("moment", MOMENTS)
def test_what_a_killed_process_began_is_ended_with_its_run(mine, emr, moment):
    def killed():
        MOMENTS[moment]()
        mine.take()

    process_of(killed).join(60)
    mine.clusters.end()

    assert not {"STARTING", "WAITING"} & set(states(emr))
    assert list(mine.records) == []


@pytest.mark.parametrize("moment", MOMENTS)
def test_what_a_killed_run_left_is_adopted_by_the_next_and_ended_with_it(mine, emr, moment):
    dead = mine.left_by_a_dead_run()

    def killed():
        MOMENTS[moment]()
        dead.clusters._made(None)

    process_of(killed).join(60)
    following = replace(mine, id=f"{mine.id}-2")
    taken = following.take()

    assert [one["id"] for one in emr.made()] == [taken]
    assert following.clusters.end() == [taken]
    assert states(emr) == ["TERMINATED"]


def test_steps_of_a_killed_run_go_on_and_their_cluster_is_the_next_run_s(mine, emr):
    mine.bench.middle = ("sleep", "60")
    dead = process_of(lambda: replace(mine, owner="").run())
    wait_until(lambda: emr.made() and _is_running(emr))
    os.kill(dead.pid, signal.SIGKILL)
    dead.join()
    mine.records.mark(next(iter(mine.records)), owner="gone 1 1.0", lease=lease_of(_gone(mine)))
    following = replace(mine, id=f"{mine.id}-2")
    watching = process_of(following.run)

    wait_until(lambda: next(iter(mine.records)).record.owner == following.owner)
    # A process knows that the cluster is its run's own once it looks at the steps.
    looks = emr.calls("ListSteps")
    wait_until(lambda: emr.calls("ListSteps") > looks)

    assert following.clusters.end() == [emr.made()[0]["id"]]
    watching.join(60)
    assert len(emr.made()) == 1


def _is_running(emr):
    emr.cluster_id = emr.made()[0]["id"]
    return "RUNNING" in emr.states()


def _gone(mine):
    return mine.left_by_a_dead_run().owner


def test_a_run_leaves_the_cluster_of_one_that_lives(mine, emr):
    theirs = mine.take()
    other = replace(mine, id=f"{mine.id}-2", owner=owner_of(os.getppid()))

    assert other.take() != theirs
    assert other.clusters.end() == [emr.made()[1]["id"]]
    assert states(emr) == ["WAITING", "TERMINATED"]


@pytest.mark.parametrize(("minutes", "is_adopted"), [(-21, True), (1, False)])
def test_the_cluster_of_another_host_s_run_is_adopted_once_its_lease_is_over(mine, minutes, is_adopted):
    theirs = mine.take()
    until = (now() + timedelta(minutes=minutes)).isoformat()
    mine.records.mark(next(iter(mine.records)), owner="elsewhere 1 1.0", lease=Lease("elsewhere 1 1.0", until))

    taken = replace(mine, id=f"{mine.id}-2").take()

    assert (taken == theirs) == is_adopted


def test_a_cluster_that_is_made_of_something_else_is_not_adopted(mine, emr):
    left = mine.left_by_a_dead_run().clusters._made(None)

    taken = replace(mine, id=f"{mine.id}-2", kind="emr-7.11.0").take()

    assert taken != left.record.cluster_id


def test_a_run_does_not_end_a_cluster_that_another_answers_for_by_now(mine, emr):
    mine.take()
    kept = next(iter(mine.records))
    mine.records.mark(kept, owner="elsewhere 1 1.0", lease=lease_of("elsewhere 1 1.0"))

    assert mine.clusters.end() == []

    assert states(emr) == ["WAITING"]


def test_a_run_does_not_end_a_cluster_that_another_took_a_moment_ago(mine, emr):
    mine.take()
    seen = next(iter(mine.records))
    mine.records.mark(seen, owner="elsewhere 1 1.0", lease=lease_of("elsewhere 1 1.0"))

    assert not mine.clusters.maker.end(seen)

    assert states(emr) == ["WAITING"]


def test_what_a_run_was_ending_when_it_was_killed_is_ended_by_the_next(mine, emr):
    left = mine.left_by_a_dead_run()
    kept = left.clusters._made(None)
    left.records.mark(kept, state="ENDING")

    taken = replace(mine, id=f"{mine.id}-2").take()

    assert states(emr) == ["TERMINATED", "WAITING"]
    assert taken == emr.made()[1]["id"]


def test_a_process_whose_run_was_killed_makes_no_cluster(mine, emr):
    with pytest.raises(Unsettled, match="killed"):
        mine.left_by_a_dead_run().take()

    assert emr.made() == []


def test_a_cluster_that_ended_since_it_was_idle_is_followed_by_another(mine, emr):
    first = mine.take()
    assert emr.idle(first)

    second = mine.take()

    assert generations(emr) == ["g1", "g2"]
    assert [one["id"] for one in emr.made()] == [first, second]


def test_a_cluster_that_was_adopted_is_taken_before_another_is_made(mine, emr):
    assert emr.idle(mine.take())
    left = replace(mine, id=f"{mine.id}-0").left_by_a_dead_run().clusters._made(None)
    mine.clusters.keep("a submission", left.record.cluster_id)

    assert mine.take() == left.record.cluster_id


def test_a_cluster_that_has_steps_is_not_idle(mine, emr):
    mine.bench.middle = ("sleep", "60")
    running = process_of(mine.run)
    wait_until(lambda: emr.made() and _is_running(emr))

    assert not emr.idle(emr.cluster_id)

    running.kill()


def test_a_cluster_that_dies_is_named_with_its_reason_and_the_next_run_makes_another(mine, emr):
    emr.start_slowly(fails=True)
    first = mine.take()
    emr.release()
    wait_until(lambda: states(emr) == ["TERMINATED_WITH_ERRORS"])

    with pytest.raises(ClusterLost, match=rf"{first}.*TERMINATED_WITH_ERRORS \(BOOTSTRAP_FAILURE: On the master"):
        mine.take()

    mine.clusters.end()
    assert replace(mine, id=f"{mine.id}-2").take() == emr.made()[1]["id"]


def test_steps_wait_for_a_cluster_that_comes_up_slowly(mine, emr):
    emr.start_slowly()
    running = process_of(mine.run)
    wait_until(lambda: emr.calls("AddJobFlowSteps"))

    emr.release()
    running.join(60)

    assert running.exitcode == 0


def test_steps_of_a_cluster_that_does_not_come_up_fail(mine, emr):
    emr.start_slowly(fails=True)
    running = process_of(_failing, mine)
    wait_until(lambda: emr.calls("AddJobFlowSteps") and mine.bench.entry.step_ids)

    emr.release()
    running.join(60)

    assert running.exitcode == 0


def _failing(mine):
    with pytest.raises(StepFailed):
        mine.run()


def test_a_request_whose_answer_is_lost_makes_one_cluster(mine, emr):
    emr.lose_answer("RunJobFlow")

    taken = mine.take()

    assert [one["id"] for one in emr.made()] == [taken]


def test_a_request_that_is_lost_is_sent_again_under_another_name(mine, emr):
    emr.lose_call("RunJobFlow")

    mine.take()

    assert generations(emr) == ["g2"]


def test_a_request_that_is_throttled_is_sent_again(mine, emr):
    emr.throttle("RunJobFlow")

    mine.take()

    assert generations(emr) == ["g1"]


def test_a_request_that_emr_refuses_leaves_no_record(mine, emr, monkeypatch):
    monkeypatch.setitem(emr_clusters.PLACES, "idle_seconds", 1)

    with pytest.raises(ClientError, match="IdleTimeout"):
        mine.take()

    assert list(mine.records) == []


def test_a_request_that_emr_refuses_does_not_have_names_begin_anew(mine, emr, monkeypatch):
    assert emr.idle(mine.take())
    with monkeypatch.context() as patch, pytest.raises(ClientError):
        patch.setitem(emr_clusters.PLACES, "idle_seconds", 1)
        mine.take()

    mine.take()

    assert generations(emr) == ["g1", "g2"]


def test_a_process_that_was_frozen_in_its_call_and_given_up_ends_what_it_brought(mine, emr):
    emr.hold("RunJobFlow")
    frozen = process_of(mine.take)
    emr.wait_until_held()
    os.kill(frozen.pid, signal.SIGSTOP)
    mine.records.remove(next(iter(mine.records)))
    emr.release()
    wait_until(emr.made)

    os.kill(frozen.pid, signal.SIGCONT)
    frozen.join(60)

    assert (states(emr), list(mine.records)) == (["TERMINATED"], [])


def test_a_cluster_that_emr_forgot_long_ago_keeps_no_run_from_its_own(mine, emr):
    left = mine.left_by_a_dead_run()
    left.records.mark(left.clusters._made(None), cluster_id="j-FORGOTTEN", state="ENDING")

    taken = replace(mine, id=f"{mine.id}-2").take()

    assert taken == emr.made()[1]["id"]
    assert [kept.record.cluster_id for kept in mine.records] == [taken]


def test_a_cluster_that_comes_late_ends_with_the_run(mine, emr):
    emr.hold("RunJobFlow")
    dead = process_of(mine.take)
    emr.wait_until_held()
    dead.kill()
    dead.join()
    mine.take()
    emr.release()
    wait_until(lambda: len(emr.made()) == 2)

    mine.clusters.end()

    assert states(emr) == ["TERMINATED", "TERMINATED"]


def test_a_lease_is_renewed_when_it_is_due(mine):
    cluster_id = mine.take()
    kept = mine.records.mark(next(iter(mine.records)), lease=_short(mine.owner))

    mine.clusters.keep("a submission", cluster_id)

    assert next(iter(mine.records)).record.lease.ends_at > kept.record.lease.ends_at


def _short(owner):
    lease = lease_of(owner)
    return replace(lease, until=(lease.ends_at - timedelta(minutes=12)).isoformat())
