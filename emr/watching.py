"""Steps are watched until they have ended."""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable

from emr.api import COMPLETED, OPEN, Emr, Step
from emr.errors import StepFailed
from emr.ledger import Entry
from emr.work import Reporter, Work

log = logging.getLogger(__name__)
FIRST_SECONDS = 1.0
# Whoever waits is awake as often, for what has to go on meanwhile.
WAKE_SECONDS = 1.0
# A step is seen to have ended within a twentieth of the time that it took.
SHARE = 0.05
# EMR lists what it has answered within seconds.
LOOKS_WITHOUT = 5


def watch(emr: Emr, work: Work, entry: Entry, reporter: Reporter, between: Callable[[], None]) -> None:
    """Return when all steps of a submission have completed. Raises StepFailed when one ended otherwise.

    Meanwhile `between` is called about every second.
    """
    began, looks_without = time.monotonic(), 0
    while True:
        steps = emr.steps(entry.cluster_id, entry.step_ids)
        looks_without = looks_without + 1 if len(steps) < len(entry.step_ids) else 0
        reporter.progress(_percent(entry, steps))
        if _have_completed(entry, steps, is_lost=looks_without == LOOKS_WITHOUT):
            return
        _sleep(_pause(time.monotonic() - began, work.poll_seconds), between)


def _have_completed(entry: Entry, steps: list[Step], is_lost: bool) -> bool:
    known = {step.id: step for step in steps}
    for number, step_id in enumerate(entry.step_ids, start=1):
        step = known.get(step_id)
        if step and step.state not in OPEN | {COMPLETED}:
            raise StepFailed(step, number, entry.cluster_id)
        if step is None and is_lost:
            unknown = Step(
                step_id, f"{entry.name} {number}/{len(entry.step_ids)}", "LOST", None, "EMR knows it no more"
            )
            raise StepFailed(unknown, number, entry.cluster_id)
    return all(step.state == COMPLETED for step in steps) and len(steps) == len(entry.step_ids)


def _sleep(seconds: float, between: Callable[[], None]) -> None:
    until = time.monotonic() + seconds
    while True:
        between()
        left_seconds = until - time.monotonic()
        if left_seconds <= 0:
            return
        time.sleep(min(left_seconds, WAKE_SECONDS))


def _percent(entry: Entry, steps: list[Step]) -> float:
    return 100 * sum(step.state == COMPLETED for step in steps) / len(entry.step_ids)


def _pause(elapsed_seconds: float, longest_seconds: float) -> float:
    """Return how long to wait for the next look: longer each time, and not at the same moments as others."""
    seconds = max(FIRST_SECONDS, SHARE * elapsed_seconds)
    return min(seconds, longest_seconds) * random.uniform(0.7, 1.0)  # noqa: S311 - no secret
