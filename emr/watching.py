"""Steps are watched until they have ended."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import datetime

from emr.api import COMPLETED, Emr, Step
from emr.board import Board
from emr.errors import StepFailed
from emr.ledger import Entry
from emr.looks import Seen, Waiter
from emr.poller import Poller
from emr.work import Reporter, Work

# Whoever waits is awake as often: to hear what another saw, and for what has to go on meanwhile.
WAKE_SECONDS = 0.5
SHORTEST_SECONDS = 0.1
# EMR lists what it has answered within seconds: what it leaves out so often, and for so long, is lost.
LOOKS_WITHOUT, LOST_SECONDS = 5, 60.0
LOST = "LOST"
ALL = 100.0


def watch(emr: Emr, work: Work, entry: Entry, reporter: Reporter, between: Callable[[], None]) -> list[Step]:
    """Return the steps of a submission when all have completed. Raises StepFailed when one ended otherwise.

    Meanwhile `between` is called about every second.
    """
    waiter = Waiter(entry.step_ids, datetime.fromisoformat(entry.created_at).timestamp(), time.monotonic())
    board = Board(work.host_folder / entry.cluster_id)
    poller, told = Poller(emr, entry.cluster_id, board, waiter, work.poll_seconds), -1.0
    with board.waiting(waiter) as note:
        while True:
            seen = poller.seen()
            if told != _percent(seen):
                told = _percent(seen)
                reporter.progress(told)
            if _have_completed(entry, seen):
                return [one.step for one in seen if one.step]
            between()
            note()
            time.sleep(min(max(poller.wait_seconds(), SHORTEST_SECONDS), WAKE_SECONDS))


def _have_completed(entry: Entry, seen: Sequence[Seen]) -> bool:
    for number, (step_id, one) in enumerate(zip(entry.step_ids, seen, strict=True), start=1):
        if one.left_out >= LOOKS_WITHOUT and time.monotonic() - one.since >= LOST_SECONDS:
            name = f"{entry.name} {number}/{len(entry.step_ids)}"
            raise StepFailed(Step(step_id, name, LOST, None, "EMR knows it no more"), number, entry.cluster_id)
        if one.step and not one.is_open and one.step.state != COMPLETED:
            raise StepFailed(one.step, number, entry.cluster_id)
    return _percent(seen) == ALL


def _percent(seen: Sequence[Seen]) -> float:
    return ALL * sum(one.step is not None and one.step.state == COMPLETED for one in seen) / len(seen)
