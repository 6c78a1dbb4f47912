"""The function that starts the runs, and `lakeshift watch`, in one bucket: each leaves the other its days."""

from __future__ import annotations

from datetime import date, datetime, timezone

import pytest
from fixtures_s3 import REGION

from emr.lease import this_process
from pipeline.core.claims import Claims
from pipeline.core.store.s3 import S3Store
from pipeline.core.watching import Watcher
from pipeline.stocks import monitored

DAY = "2017-11-10"


@pytest.fixture
def watchers(trigger, ministack) -> Claims:
    """The claims of `lakeshift watch` in the same bucket."""
    return Claims(S3Store(f"s3://{trigger.bucket}", ministack, REGION), "stocks")


def test_a_day_that_a_watcher_has_is_left_to_it(trigger, watchers):
    held = watchers.take(date(2017, 11, 10), "m", datetime.now(timezone.utc))

    [line] = trigger.tell(trigger.put(f"{DAY}.SUCCESS"))

    claim = f"s3://{trigger.bucket}/_claims/stocks/{DAY}.json"
    assert f"ignored, {DAY} is claimed by {held.claim.claimed_by}" in line
    assert line.endswith(f"If that is gone for good, remove {claim}")
    assert trigger.days() == []
    assert watchers.read(date(2017, 11, 10)) == held


@pytest.mark.parametrize(
    ("ended_at", "said"), [("", f"{DAY} is claimed by "), ("2017-11-10T23:00:00+00:00", f"the run of {DAY} is done: ")]
)
def test_a_day_that_a_watcher_runs_or_has_run_is_not_run(trigger, watchers, ended_at, said):
    held = watchers.take(date(2017, 11, 10), "m", datetime.now(timezone.utc))
    watchers.note(held, run=this_process(), ended_at=ended_at)

    [line] = trigger.tell(trigger.put(f"{DAY}.SUCCESS"))

    assert f"ignored, {said}" in line and this_process() in line
    assert trigger.days() == []


def test_a_watcher_knows_what_the_function_has_done(trigger, watchers, settings):
    settings("stocks", "monitored", f"s3://{trigger.bucket}")
    settings("lake", "endpoint_url", watchers.store.endpoint_url)
    trigger.tell(trigger.put(f"{DAY}.SUCCESS"))
    trigger.end("Success")
    said: list[str] = []

    due = Watcher("stocks", monitored(), lambda marker, what: said.append(f"{marker.path} {what}")).next_due()

    assert due is None
    assert said == [
        f"{DAY}.SUCCESS is ignored: {DAY} was run, as s3://{trigger.bucket}/{DAY}.SUCCESS asked."
        f" To run it again: lakeshift rerun pipeline.stocks.HistoricalStocks --date {DAY}"
    ]


def test_a_watcher_leaves_the_days_of_the_function_to_it(trigger, watchers):
    trigger.tell(trigger.put(f"{DAY}.SUCCESS"))

    taken = watchers.take(date(2017, 11, 10), "m", datetime.now(timezone.utc))

    assert taken is None
    assert watchers.read(date(2017, 11, 10)).claim.run == trigger.runs.commands[0].command_id
