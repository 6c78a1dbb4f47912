"""Work that failed for a reason which passes by itself is tried again, for a while."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TypeVar

from tenacity import RetryCallState, Retrying, retry_if_exception_type, stop_after_attempt, wait_random_exponential

from pipeline.core.errors import Retryable, one_line

T = TypeVar("T")
log = logging.getLogger(__name__)

# What PostgreSQL and Redshift alike call that: serialization, deadlock, connections, restarts.
# https://www.postgresql.org/docs/current/errcodes-appendix.html
PASSING = ("40001", "40P01", "53300", "57P01", "57P02", "57P03")
TRIES = 6
# Random waits keep two that met in each other's way from meeting again.
WAIT = wait_random_exponential(multiplier=0.5, max=30)


def retried(work: Callable[[], T]) -> T:
    """Return what the work returns, tried again while it raises Retryable; the last of its errors is raised."""
    tries = Retrying(
        retry=retry_if_exception_type(Retryable),
        stop=stop_after_attempt(TRIES),
        wait=WAIT,
        before_sleep=_tell,
        reraise=True,
    )
    return tries(work)


def _tell(state: RetryCallState) -> None:
    assert state.outcome and state.next_action  # noqa: S101 - tenacity has them before it sleeps
    error = state.outcome.exception()
    assert error  # noqa: S101 - only errors are tried again
    seconds = state.next_action.sleep
    log.warning("Try %d of %d failed, the next in %.1f s: %s", state.attempt_number, TRIES, seconds, one_line(error))
