"""What becomes of a call of AWS: answered, refused for a while, or never answered."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from botocore.exceptions import ClientError, ConnectionError, HTTPClientError
from tenacity import Retrying, retry_if_exception, stop_after_delay, wait_random_exponential

T = TypeVar("T")
LONGEST_WAIT_SECONDS = 30
THEIR_FAULT = 500
NO_ROOM = "Maximum number of active steps"


def patiently(call: Callable[[], T], seconds: float) -> T:
    """Return what a call returns, made again while EMR is throttling, or away, for as long as that may last."""
    tries = Retrying(
        retry=retry_if_exception(is_passing),
        wait=wait_random_exponential(multiplier=1, max=LONGEST_WAIT_SECONDS),
        stop=stop_after_delay(seconds),
        reraise=True,
    )
    return tries(call)


def is_passing(error: BaseException) -> bool:
    """Say whether the same call may well succeed later."""
    return _is_throttled(error) or is_unanswered(error)


def is_unanswered(error: BaseException) -> bool:
    """Say whether nobody knows what became of a call."""
    if isinstance(error, ClientError):
        return error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0) >= THEIR_FAULT
    return isinstance(error, (ConnectionError, HTTPClientError))


def is_surely_not_taken(error: BaseException) -> bool:
    """Say whether steps were refused for a reason that passes: too many calls, or too many steps that are open."""
    return _is_throttled(error) or (isinstance(error, ClientError) and NO_ROOM in str(error))


def _is_throttled(error: BaseException) -> bool:
    return isinstance(error, ClientError) and ("Throttl" in code_of(error) or code_of(error) == "RequestLimitExceeded")


def code_of(error: ClientError) -> str:
    """Return the code by which AWS names an error."""
    return error.response.get("Error", {}).get("Code", "")
