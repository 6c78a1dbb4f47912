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
# Together less than the function's own time.
WAITS = {"connect_timeout": 3, "read_timeout": 8}


class Unanswered(Exception):
    """Something could not be done, so that Lambda has to bring the event again."""


def handle(event: dict[str, Any], context: Any) -> list[str]:
    """Return a line for each thing that an event tells: what it was, and what came of it."""
    lines, errors = [], []
    for what, answer in _answers(event, f"{FUNCTION}{context.function_name}/{context.aws_request_id}"):
        try:
            line = f"{what}: {answer()}"
        except Exception as error:
            line = f"{what}: {type(error).__name__}: {' '.join(str(error).split())}"
            errors.append(error)
        print(line)
        lines.append(line)
    if errors:
        raise Unanswered("; ".join(lines)) from errors[0]
    return lines


def _answers(event: dict[str, Any], who: str) -> Iterator[tuple[str, Any]]:
    """Yield what an event tells, and what makes the answer to it."""
    for record in event.get("Records", ()):
        marker = _marker(record)
        yield f"{marker.place} {record['eventName']}", partial(_markers().answer, marker, who)
    if "detail-type" in event:
        yield event["detail-type"], partial(_end, event)
    elif event.get("Event") == "s3:TestEvent":
        yield "s3:TestEvent", lambda: "the bucket tells of its markers"
    elif "Records" not in event:
        yield "an event of another kind", lambda: "ignored"


def _marker(record: dict[str, Any]) -> Marker:
    bucket, thing = record["s3"]["bucket"]["name"], record["s3"]["object"]
    return Marker(bucket, unquote_plus(thing["key"]), datetime.fromisoformat(record["eventTime"]))


def _end(event: dict[str, Any]) -> str:
    """Give the day back whose run has failed, so that its next marker starts another."""
    ended = _runs().ended(event)
    if not ended:
        return "is of no run that this function started"
    if ended.state in (DONE, RUNNING):
        return f"{ended.run} is {ended.state}"
    return f"{ended.run} has {ended.state}; {_markers().give_back(ended)}"


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
