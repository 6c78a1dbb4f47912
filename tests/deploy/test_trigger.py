"""The function that starts a day's run when its marker comes: once a day, whatever comes twice, late, or at once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timezone

import pytest
from fixtures_trigger import CONTEXT, DOCUMENT
from run_server import INSTANCE
from trigger import handler

DAY, NEXT_DAY = "2017-11-10", "2017-11-11"


def test_a_marker_starts_its_days_run_and_its_claim_names_it(trigger):
    [line] = trigger.tell(trigger.put(f"{DAY}.SUCCESS"))

    [command] = trigger.runs.commands
    assert line.endswith(f"/{DAY}.SUCCESS ObjectCreated:Put: started the run of {DAY}: {command.command_id}")
    assert (command.document_name, command.instance_ids) == (DOCUMENT, [INSTANCE])
    assert command.parameters == {"date": [DAY]}
    claim = trigger.claim(DAY)
    assert claim["run"] == command.command_id
    assert claim["marker"] == f"s3://{trigger.bucket}/{DAY}.SUCCESS"
    assert (claim["day"], claim["claimed_by"]) == (DAY, "lambda/lakeshift-trigger/request-1")


def test_an_event_that_comes_again_is_answered_and_starts_nothing(trigger):
    record = trigger.put(f"{DAY}.SUCCESS")
    trigger.tell(record)

    again = trigger.tell(record, record)

    run = trigger.claim(DAY)["run"]
    assert [line.partition(": ")[2] for line in again] == [f"ignored, the run of {DAY} is running: {run}"] * 2
    assert trigger.days() == [DAY]


def test_a_day_that_is_done_is_not_run_again(trigger):
    trigger.tell(trigger.put(f"{DAY}.SUCCESS"))
    told = trigger.end("Success")

    [line] = trigger.tell(trigger.put(f"{DAY}.SUCCESS"))

    assert told.endswith("is done; 2017-11-10 is not run again")
    assert "ignored, the run of 2017-11-10 is done" in line
    assert trigger.days() == [DAY]


@pytest.mark.parametrize("is_told", [True, False])
def test_a_day_that_was_done_stays_so_when_its_run_is_forgotten(trigger, is_told):
    trigger.tell(trigger.put(f"{DAY}.SUCCESS"))
    trigger.runs.commands[0].status = "Success"
    if is_told:
        trigger.end("Success")
    else:
        trigger.tell(trigger.put(f"{DAY}.SUCCESS"))
    trigger.runs.commands.clear()

    [line] = trigger.tell(trigger.put(f"{DAY}.SUCCESS"))

    assert f"ignored, the run of {DAY} is done: {trigger.claim(DAY)['run']}" in line
    assert trigger.days() == []


def test_of_many_events_at_once_one_starts_the_run(trigger):
    record = trigger.put(f"{DAY}.SUCCESS")

    with ThreadPoolExecutor(8) as pool:
        came = [pool.submit(trigger.tell, record) for _ in range(8)]

    answers = [one.result()[0] for one in came if not one.exception()]
    assert {type(one.exception()) for one in came if one.exception()} <= {handler.Unanswered}
    assert len([answer for answer in answers if "started the run" in answer]) == 1
    assert trigger.days() == [DAY]
    assert trigger.claim(DAY)["run"] == trigger.runs.commands[0].command_id


def test_a_day_before_one_that_has_its_run_is_ignored(trigger):
    [_, late] = trigger.tell(trigger.put(f"{NEXT_DAY}.SUCCESS"), trigger.put(f"{DAY}.SUCCESS"))

    assert late.endswith("ignored, a later day than 2017-11-10 has its run already: _claims/stocks/2017-11-11.json")
    assert trigger.days() == [NEXT_DAY]


def test_each_day_has_its_own_run(trigger):
    trigger.tell(trigger.put(f"{DAY}.SUCCESS"))
    trigger.tell(trigger.put(f"{NEXT_DAY}/.SUCCESS"))

    assert trigger.days() == [DAY, NEXT_DAY]


def test_a_marker_without_a_day_stands_for_the_last_that_had_ended_when_it_was_written(trigger):
    after_the_close = datetime(2017, 11, 10, 21, 30, tzinfo=timezone.utc)

    trigger.tell(trigger.record("drop.SUCCESS", after_the_close))

    assert trigger.days() == [DAY]


def test_a_key_is_read_as_s3_writes_it(trigger):
    [line] = trigger.tell(trigger.put(f"from a + b/ü %2F/{DAY}.SUCCESS"))

    assert f"/from a + b/ü %2F/{DAY}.SUCCESS ObjectCreated:Put: started" in line


@pytest.mark.parametrize(
    ("key", "answer"),
    [
        ("2999-01-01.SUCCESS", "2999-01-01 has not ended: it does at 16:00 in America/New_York"),
        ("2017-11-31.SUCCESS", "it names no day of the calendar"),
        (f"{DAY}.csv", "it is no marker of the monitored bucket"),
        (f"_claims/stocks/{DAY}.SUCCESS", "it is no marker of the monitored bucket"),
    ],
)
def test_what_stands_for_no_day_that_can_be_run_is_ignored(trigger, key, answer):
    [line] = trigger.tell(trigger.record(key))

    assert line.endswith(f": ignored, {answer}")
    assert (trigger.days(), trigger.claim(DAY)) == ([], None)


def test_a_marker_of_another_bucket_is_ignored(trigger):
    [line] = trigger.tell(trigger.record(f"{DAY}.SUCCESS", bucket="the-source"))

    assert line.endswith("ignored, it is no marker of the monitored bucket")
    assert trigger.days() == []


def test_s3s_own_test_and_what_is_none_of_its_business_are_answered(trigger):
    tested = handler.handle({"Service": "Amazon S3", "Event": "s3:TestEvent"}, CONTEXT)

    assert tested == ["s3:TestEvent: the bucket tells of its markers"]
    assert handler.handle({"what": "ever"}, CONTEXT) == ["an event of another kind: ignored"]


def test_a_key_with_a_line_feed_is_one_line_of_the_log(trigger, capsys):
    trigger.tell(trigger.record(f"x\nEND RequestId: 1\n{DAY}.SUCCESS"))

    assert len(capsys.readouterr().out.splitlines()) == 1


def test_each_answer_is_a_line_of_the_log(trigger, capsys):
    lines = trigger.tell(trigger.put(f"{DAY}.SUCCESS"), trigger.put(f"{NEXT_DAY}.SUCCESS"))

    assert capsys.readouterr().out.splitlines() == lines
    assert len(lines) == 2
