"""Those of a host that wait for one cluster look at it together, whoever of them dies, freezes or comes late."""

from __future__ import annotations

import multiprocessing
import os
import shutil
import signal
import sys
import time
from dataclasses import replace
from datetime import datetime, timezone
from itertools import count

import pytest
from botocore.exceptions import ClientError
from botocore.stub import Stubber
from emr_work import Bench, Heard
from fixtures_s3 import REGION
from processes import wait_until

from emr import poller, watching
from emr.api import Emr, Step
from emr.board import Board
from emr.errors import StepFailed
from emr.lease import new_lease
from emr.ledger import SUBMITTED, Entry
from emr.looks import Look, Seen, Waiter
from emr.poller import Poller
from emr.watching import watch

FORK = multiprocessing.get_context("fork")
DONE, FAILED, REFUSED = 0, 3, 4
STEP = {"ActionOnFailure": "CONTINUE", "HadoopJarStep": {"Jar": "command-runner.jar", "Args": ["true"]}}


class Waiting:
    """Dates that wait for steps of a cluster, each in a process of its own."""

    def __init__(self, bench: Bench) -> None:
        self.bench, self.numbers, self.processes = bench, count(1), []

    @property
    def board(self) -> Board:
        return Board(self.bench.folder / "host" / self.bench.twin.cluster_id)

    @property
    def looks(self) -> int:
        look = self.board.look()
        return look.number if look else 0

    def begin(self, dates: int = 1, patience_seconds: float = 900):
        """Return the processes of some more dates, and what they wait for."""
        entries = [self.send() for _ in range(dates)]
        begun = [FORK.Process(target=self.wait_for, args=(entry, patience_seconds)) for entry in entries]
        self.processes += begun
        for process in begun:
            process.start()
        return [*zip(begun, entries, strict=True)]

    def send(self) -> Entry:
        """Return what was sent to the cluster: a step whose name tells its number."""
        name, twin = f"date {next(self.numbers):02}", self.bench.twin
        ids = twin.client.add_job_flow_steps(JobFlowId=twin.cluster_id, Steps=[STEP | {"Name": f"{name} 1/1"}])
        now = datetime.now(timezone.utc).isoformat()
        return Entry(name, 1, "a", (), new_lease(), twin.cluster_id, tuple(ids["StepIds"]), SUBMITTED, now)

    def wait_for(self, entry: Entry, patience_seconds: float = 900) -> None:
        client = Emr.connect(patience_seconds=patience_seconds)
        # What is refused is not tried again before its time.
        client.client = client.once
        try:
            watch(client, self.bench.work(), entry, Heard(), lambda: None)
        except StepFailed:
            sys.exit(FAILED)
        except ClientError:
            sys.exit(REFUSED)

    def until_looked(self, more: int) -> None:
        looks = self.looks
        wait_until(lambda: self.looks >= looks + more)

    def ends(self) -> list[int]:
        for process in self.processes:
            process.join(60)
        return [process.exitcode for process in self.processes]


@pytest.fixture
def waiting(emr, tmp_path, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL_EMR", emr.endpoint_url)
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    begun = Waiting(Bench(emr, tmp_path))
    yield begun
    for process in begun.processes:
        process.kill()


def test_many_that_wait_ask_no_more_often_than_one(waiting, emr):
    emr.stall("date")
    waiting.begin(12)
    wait_until(lambda: len(waiting.board.waiters()) == 12)
    began, looks, calls = time.monotonic(), waiting.looks, emr.calls("ListSteps")

    waiting.until_looked(8)

    assert time.monotonic() - began > 6 * poller.SPREAD[0] * waiting.bench.work().poll_seconds
    assert emr.calls("ListSteps") - calls <= waiting.looks - looks + 1
    emr.release()
    assert waiting.ends() == [DONE] * 12


def test_who_dies_while_it_looks_is_followed_by_another(waiting, emr, monkeypatch):
    monkeypatch.setattr(poller, "FROZEN_SECONDS", 1000)
    emr.stall("date")
    [(first, _)] = waiting.begin()
    waiting.until_looked(1)
    emr.hold("ListSteps")
    emr.wait_until_held(2)

    waiting.begin()
    first.kill()
    emr.release()

    assert waiting.ends() == [-signal.SIGKILL, DONE]


def test_who_is_frozen_while_it_looks_keeps_nobody_from_looking(waiting, emr, monkeypatch):
    monkeypatch.setattr(poller, "FROZEN_SECONDS", 1)
    emr.stall("date")
    [(frozen, _)] = waiting.begin()
    waiting.until_looked(1)
    emr.hold("ListSteps")
    emr.wait_until_held(2)
    os.kill(frozen.pid, signal.SIGSTOP)
    waiting.begin(3)
    waiting.until_looked(4)

    emr.release()
    waiting.processes[1].join(60)
    os.kill(frozen.pid, signal.SIGCONT)

    assert waiting.ends() == [DONE] * 4


def test_after_one_that_is_frozen_the_next_looks_are_on_time(waiting, emr, monkeypatch):
    monkeypatch.setattr(poller, "FROZEN_SECONDS", 2)
    emr.stall("date")
    with waiting.board.turn(0):
        waiting.begin(2)
        waiting.until_looked(1)
        began = time.monotonic()
        waiting.until_looked(5)

    assert time.monotonic() - began < 8
    emr.release()
    assert waiting.ends() == [DONE] * 2


def test_what_the_dead_waited_for_is_asked_for_no_more(waiting, emr):
    emr.stall("date")
    [(_, kept), (dead, _)] = waiting.begin(2)
    wait_until(lambda: len(waiting.board.waiters()) == 2)
    waiting.until_looked(1)

    dead.kill()
    dead.join()
    waiting.until_looked(2)

    assert list(waiting.board.look().seen) == list(kept.step_ids)
    assert len(list((waiting.board.folder / "waiting").iterdir())) == 1
    emr.release()


def test_a_step_that_is_cancelled_far_behind_is_seen(waiting, emr):
    emr.stall("date")
    begun = waiting.begin(14)
    process, entry = begun[12]

    emr.client.cancel_steps(ClusterId=emr.cluster_id, StepIds=list(entry.step_ids))
    process.join(60)

    assert process.exitcode == FAILED
    assert emr.states()[0] == "RUNNING"
    emr.release()
    assert waiting.ends() == [DONE] * 12 + [FAILED, DONE]


def test_all_that_wait_hear_that_the_cluster_has_died(waiting, emr):
    emr.stall("date")
    waiting.begin(14)
    wait_until(lambda: len(waiting.board.waiters()) == 14)
    waiting.until_looked(1)
    calls = emr.calls("ListSteps")

    emr.terminate()

    assert waiting.ends() == [FAILED] * 14
    assert emr.calls("ListSteps") - calls <= 4


def test_steps_that_are_new_are_all_asked_for_at_once(waiting, emr):
    emr.stall("date")
    ids = tuple(waiting.send().step_ids[0] for _ in range(23))

    new = Poller(Emr.connect(), emr.cluster_id, waiting.board, Waiter(ids, 0, time.monotonic()), 30)

    assert all(one.step for one in new.seen())
    assert emr.calls("ListSteps") == 3
    emr.release()


def test_where_more_steps_run_side_by_side_than_one_question_holds_all_are_asked_for(waiting, emr):
    emr.cluster_id = emr.new_cluster(side_by_side=13)
    emr.stall("date", times=13)
    waiting.begin(16)
    wait_until(lambda: emr.states().count("RUNNING") == 13)
    wait_until(lambda: len(waiting.board.waiters()) == 16)
    waiting.until_looked(2)
    before = waiting.board.look()
    waiting.until_looked(1)

    running = [one for one in waiting.board.look().seen.values() if one.step.state == "RUNNING"]
    assert len(running) == 13 and min(one.asked for one in running) > before.at
    emr.release()
    assert waiting.ends() == [DONE] * 16


def test_who_waits_is_patient_with_an_emr_that_is_throttling(waiting, emr):
    emr.stall("date")
    waiting.begin(5)
    waiting.until_looked(1)
    emr.throttle("ListSteps", times=2)
    calls = emr.calls("ListSteps")
    wait_until(lambda: waiting.board.look().failures)

    emr.release()

    assert waiting.ends() == [DONE] * 5
    assert emr.calls("ListSteps") - calls < 10


def test_an_emr_that_refuses_for_long_is_a_failure_for_all_that_wait(waiting, emr):
    emr.stall("date")
    waiting.begin(3, patience_seconds=0.5)
    waiting.until_looked(1)
    began = time.monotonic()

    emr.throttle("ListSteps", times=1000)

    assert waiting.ends() == [REFUSED] * 3
    assert time.monotonic() - began < 20
    emr.release()


def test_a_step_that_emr_forgot_is_lost_and_those_beside_it_are_not(waiting, emr, monkeypatch):
    monkeypatch.setattr(watching, "LOST_SECONDS", 1)
    emr.stall("date 01")
    emr.lose("date 03")
    waiting.begin(4)
    emr.wait_until_held()
    wait_until(lambda: len(waiting.board.waiters()) == 4)
    emr.release()

    assert waiting.ends() == [DONE, DONE, FAILED, DONE]


def test_one_step_that_is_refused_hides_no_other(waiting):
    told = {"Id": "s-2", "Name": "2", "Status": {"State": "RUNNING", "Timeline": {}}}
    client = Emr.connect()
    with Stubber(client.client) as answers:
        answers.add_client_error("list_steps", "InvalidRequestException", "Step id 's-1' is not valid.")
        answers.add_client_error("list_steps", "InvalidRequestException", "Step id 's-1' is not valid.")
        answers.add_response("list_steps", {"Steps": [told]})

        steps = client.steps("j-1", ["s-1", "s-2"])

    assert [step.id for step in steps] == ["s-2"]


def test_who_waits_longest_leaves_nothing(waiting, emr):
    waiting.begin(3)

    assert waiting.ends() == [DONE] * 3
    assert not waiting.board.folder.exists()


def test_who_lost_its_folder_goes_on(waiting, emr):
    emr.stall("date")
    waiting.begin(3)
    wait_until(lambda: len(waiting.board.waiters()) == 3)
    waiting.until_looked(1)

    shutil.rmtree(waiting.board.folder)

    wait_until(lambda: len(waiting.board.waiters()) == 3)
    emr.release()
    assert waiting.ends() == [DONE] * 3


@pytest.mark.parametrize("left", [b"", b"[]", b'{"seen": {"s-1": 1}}', Look(9, 1e12, 1).to_json()])
def test_what_cannot_be_a_look_of_now_is_looked_over(waiting, left):
    waiting.board.folder.mkdir(parents=True)
    (waiting.board.folder / "look.json").write_bytes(left)

    waiting.begin()

    assert waiting.ends() == [DONE]


def test_a_look_can_be_kept(tmp_path):
    step = Step("s-1", "a 1/1", "RUNNING", datetime.now(timezone.utc), started_at=datetime.now(timezone.utc))
    look = Look(2, 10.5, 0.9, 1, 3, 9.5, {"s-1": Seen(step, 1.5, 10.5), "s-2": Seen(None, 1.5, 0, 2)})
    tmp_path.joinpath("board").mkdir()

    Board(tmp_path / "board").publish(look)

    assert Board(tmp_path / "board").look() == look


class Paced:
    """A look, five seconds ago, at a step that has run for five minutes, and at some that have waited as long."""

    def __init__(self, folder, waiting: int) -> None:
        folder.mkdir()
        self.board, now = Board(folder), time.monotonic()
        states = {"s-0": "RUNNING"} | {f"s-{number}": "PENDING" for number in range(1, waiting + 1)}
        seen = {one: Seen(Step(one, one, state, None), now - 300) for one, state in states.items()}
        self.look = Look(7, now - 5, 1.0, seen=seen)
        self.board.publish(self.look)

    def is_due_for(self, *ids: str) -> bool:
        """Say whether who comes now to wait for a step has a look at once."""
        return self._poller(ids).wait_seconds() <= 0

    def pause_seconds(self, *ids: str) -> int:
        """Return how long after this look the next one is, for one who comes now to wait for a step."""
        poller = self._poller(ids)
        return round(poller.wait_seconds() + time.monotonic() - self.look.at)

    def _poller(self, ids: tuple[str, ...]) -> Poller:
        return Poller(Emr.connect(REGION), "j-1", self.board, Waiter(ids, 0, time.monotonic()), 30)


def test_a_step_that_has_run_for_long_is_looked_at_rarely(tmp_path):
    assert Paced(tmp_path / "board", waiting=0).pause_seconds("s-0") == 15


def test_who_comes_behind_others_does_not_hasten_the_next_look(tmp_path):
    assert Paced(tmp_path / "board", waiting=2).pause_seconds("s-new") == 15


def test_who_comes_next_is_looked_for_at_once(tmp_path):
    assert Paced(tmp_path / "board", waiting=1).is_due_for("s-new")


def test_a_look_that_failed_is_followed_by_rarer_ones(tmp_path):
    paced = Paced(tmp_path / "board", waiting=0)
    waits = []

    for failures in (1, 2, 3, 4, 9, 1000):
        paced.board.publish(replace(paced.look, failures=failures, failing_since=paced.look.at))
        waits.append(paced.pause_seconds("s-0"))

    assert waits == [2, 4, 8, 16, 30, 30]
