"""The function's handler: answers every event with a line, and raises where Lambda is to try again."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import datetime, time
from functools import cache, partial
from typing import Any
from urllib.parse import unquote_plus
from zoneinfo import ZoneInfo

import boto3
from botocore.config import Config

from trigger.claims import FUNCTION, Claims
from trigger.marker import Marker, Markers
from trigger.runs import DONE, RUNNING, Runs, runs

PIPELINE = "stocks"
# Of each try. A call that nobody answers leaves the function time to say so; what its own time ends in the middle, the
# event goes on with when it is brought again.
WAITS = {"connect_timeout": 3, "read_timeout": 8}


class Unanswered(Exception):
    """Something could not be done, so that Lambda has to bring the event again."""


def handle(event: dict[str, Any], context: Any) -> list[str]:
    """Return a line for each thing that an event tells: what it was, and what came of it."""
    lines, errors = [], []
    for what, answer in _answers(event, f"{FUNCTION}{context.function_name}/{context.aws_request_id}"):
        try:
            told = answer()
        except Exception as error:
            told = f"{type(error).__name__}: {error}"
            errors.append(error)
        # A key may have a line feed in it, behind which its uploader would write the log.
        line = " ".join(f"{what}: {told}".split())
        print(line)
        lines.append(line)
    if errors:
        raise Unanswered("; ".join(lines)) from errors[0]
    return lines


def _answers(event: dict[str, Any], who: str) -> Iterator[tuple[str, Any]]:
    """Yield what an event tells, and what makes the answer to it."""
    for record in event.get("Records", ()):
        try:
            marker = _marker(record)
        except (KeyError, TypeError, ValueError):
            # It fails as what cannot be answered does, and those behind it are looked at.
            yield "a record that cannot be understood", partial(_marker, record)
        else:
            yield f"{marker.place} {record.get('eventName')}", partial(_answer, marker, who)
    if "detail-type" in event:
        yield event["detail-type"], partial(_end, event)
    elif event.get("Event") == "s3:TestEvent":
        yield "s3:TestEvent", lambda: "the bucket tells of its markers"
    elif "Records" not in event:
        yield "an event of another kind", lambda: "ignored"


def _marker(record: dict[str, Any]) -> Marker:
    bucket, thing = record["s3"]["bucket"]["name"], record["s3"]["object"]
    return Marker(bucket, unquote_plus(thing["key"]), datetime.fromisoformat(record["eventTime"]))


def _answer(marker: Marker, who: str) -> str:
    return _markers().answer(marker, who)


def _end(event: dict[str, Any]) -> str:
    """Give the day back whose run has failed, so that its next marker starts another; note that it ended well."""
    ended = _runs().ended(event)
    if not ended:
        return "is of no run that this function started"
    if ended.state == RUNNING:
        return f"{ended.run} is {ended.state}"
    return f"{ended.run} {'is' if ended.state == DONE else 'has'} {ended.state}; {_markers().end(ended)}"


@cache
def _runs() -> Runs:
    # Without tries of its own: whether a command was sent is found out by its name, and not sent again blindly.
    return runs(lambda service: boto3.client(service, config=Config(retries={"total_max_attempts": 1}, **WAITS)))


@cache
def _markers() -> Markers:
    given = os.environ
    s3 = boto3.client("s3", config=Config(retries={"total_max_attempts": 2, "mode": "standard"}, **WAITS))
    day_ends = (ZoneInfo(given["TIMEZONE"]), time.fromisoformat(given["CLOSES"]))
    return Markers(Claims(s3, given["MONITORED"], PIPELINE), _runs(), *day_ends)
