"""Where a cluster takes no more steps, those of a host that have some to send ask one after the other."""

from __future__ import annotations

import multiprocessing
import os
import time
from contextlib import ExitStack
from dataclasses import replace

import pytest
from emr_work import Bench
from fixtures_s3 import REGION
from processes import wait_until

from emr import room, submission
from emr.api import Emr
from emr.board import Board
from emr.looks import Waiter
from emr.room import line
from emr.runner import run

FORK = multiprocessing.get_context("fork")
AT_ONCE, LATER = (0.0, 0.0), (60.0, 60.0)
JAR = {"Jar": "command-runner.jar", "Args": ["true"]}
STEP = {"Name": "other", "ActionOnFailure": "CONTINUE", "HadoopJarStep": JAR}


@pytest.fixture
def board(tmp_path):
    return Board(tmp_path / "j-1")


@pytest.fixture
def lines(board):
    """Three that were refused, and may try at once."""
    with ExitStack() as stack:
        found = [stack.enter_context(line(board)) for _ in range(3)]
        for one in found:
            one.note_refusal(3, AT_ONCE)
        yield found


def test_only_the_first_of_those_that_were_refused_tries(lines):
    assert [one.may_try() for one in lines] == [True, False, False]
    assert [one.may_try() for one in lines] == [True, False, False]


def test_the_next_one_tries_when_the_first_is_done(board):
    with line(board) as second:
        with line(board) as first:
            tries = [first.may_try(), second.may_try()]

        assert [*tries, second.may_try()] == [True, False, True]


def test_who_is_first_and_frozen_is_passed_over(lines, monkeypatch):
    first, second, third = lines
    first.may_try()

    monkeypatch.setattr(room, "FROZEN_SECONDS", 0.3)
    wait_until(second.may_try)

    assert not third.may_try()


def test_who_comes_after_one_that_died_long_ago_is_waited_for(lines, board):
    with board.turn("room.0"):
        os.utime(board.folder / "turn.room.0", (0, 0))

    assert [one.may_try() for one in lines] == [True, False, False]


def test_it_is_not_tried_again_before_its_time(board):
    with line(board) as first:
        first.note_refusal(3, LATER)

        assert not first.may_try()


@pytest.mark.parametrize(("open_steps", "is_time"), [(253, True), (254, False)])
def test_it_is_not_tried_where_this_host_alone_fills_the_cluster(board, open_steps, is_time):
    ids = tuple(f"s-{number}" for number in range(open_steps))
    with line(board) as first, board.waiting(Waiter(ids, 0, time.monotonic())):
        first.note_refusal(3, AT_ONCE)

        assert first.may_try() == is_time


def test_it_is_tried_again_when_a_step_has_ended(board):
    with line(board) as first:
        with board.waiting(Waiter(("s-1",), 0, time.monotonic())):
            first.note_refusal(3, LATER)
            before = first.may_try()

        assert (before, first.may_try()) == (False, True)


def test_who_leaves_last_leaves_nothing(board):
    with line(board) as first:
        first.may_try()

    assert not board.folder.exists()


def test_dates_for_which_there_is_no_room_are_sent_when_there_is(emr, tmp_path, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL_EMR", emr.endpoint_url)
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    monkeypatch.setattr(submission, "AGAIN_SECONDS", LATER)
    bench = Bench(emr, tmp_path)

    def date(number: int) -> None:
        work = replace(bench.work(), key=f"date-{number}", title=f"lakeshift 0 date {number}")
        run(Emr.connect(), bench.ledger, work, bench.heard)

    emr.stall("2/3")
    dates = [FORK.Process(target=date, args=(number,)) for number in range(4)]
    dates[0].start()
    emr.wait_until_held()
    others = emr.client.add_job_flow_steps(JobFlowId=emr.cluster_id, Steps=[STEP] * 254)["StepIds"]
    for one in dates[1:]:
        one.start()
    wait_until(lambda: emr.calls("AddJobFlowSteps") == 5)
    emr.client.cancel_steps(ClusterId=emr.cluster_id, StepIds=others)
    emr.release()
    for one in dates:
        one.join(60)

    assert [one.exitcode for one in dates] == [0] * 4
    assert emr.calls("AddJobFlowSteps") < 5 + 8
