"""The function that starts a day's run, where runs fail, calls are refused, and answers are lost."""

from __future__ import annotations

from datetime import timedelta

import pytest
from fixtures_trigger import CONTEXT
from trigger import handler, marker

DAY, NEXT_DAY = "2017-11-10", "2017-11-11"


@pytest.mark.parametrize("status", ["Failed", "TimedOut", "Cancelled"])
def test_the_day_of_a_run_that_failed_is_free_for_the_next_marker(trigger, status):
    trigger.tell(trigger.put(f"{DAY}.SUCCESS"))

    told = trigger.end(status)

    assert told.endswith(f"has failed; {DAY} is free for its next marker")
    assert trigger.claim(DAY) is None
    trigger.tell(trigger.put(f"{DAY}.SUCCESS"))
    assert trigger.days() == [DAY, DAY]


def test_a_run_whose_failure_nobody_told_of_is_replaced_when_its_marker_comes_again(trigger):
    trigger.tell(trigger.put(f"{DAY}.SUCCESS"))
    first = trigger.runs.commands[0]
    first.status = "Failed"

    [line] = trigger.tell(trigger.put(f"{DAY}.SUCCESS"))

    assert line.endswith(f"since {first.command_id} has failed")
    assert trigger.claim(DAY)["run"] == trigger.runs.commands[1].command_id


def test_the_end_of_a_run_that_was_replaced_leaves_the_other_its_day(trigger):
    trigger.tell(trigger.put(f"{DAY}.SUCCESS"))
    trigger.runs.commands[0].status = "Failed"
    trigger.tell(trigger.put(f"{DAY}.SUCCESS"))
    trigger.runs.commands.reverse()

    told = trigger.end("Failed")

    assert told.endswith(f"{DAY} is not claimed by it")
    assert trigger.claim(DAY)["run"] == trigger.runs.commands[0].command_id


def test_a_run_that_was_forgotten_is_made_again(trigger):
    trigger.tell(trigger.put(f"{DAY}.SUCCESS"))
    trigger.runs.commands.clear()

    [line] = trigger.tell(trigger.put(f"{DAY}.SUCCESS"))

    assert line.endswith("has forgotten")
    assert trigger.days() == [DAY]


def test_the_end_of_a_command_that_others_sent_is_no_business_of_it(trigger):
    detail = {"command-id": "0" * 8, "document-name": "AWS-RunShellScript", "status": "Failed"}

    [line] = handler.handle({"detail-type": "EC2 Command Status-change Notification", "detail": detail}, CONTEXT)

    assert line.endswith("is of no run that this function started")


def test_a_throttled_command_is_sent_when_the_event_comes_again(trigger):
    record = trigger.put(f"{DAY}.SUCCESS")
    trigger.runs.faults.add(kind="throttle", part="SendCommand")

    with pytest.raises(handler.Unanswered, match=f"{DAY}.SUCCESS ObjectCreated:Put: Throttl.*Rate exceeded"):
        trigger.tell(record)

    assert trigger.claim(DAY) is None
    trigger.tell(record)
    assert trigger.days() == [DAY]


def test_a_host_that_cannot_be_reached_fails_the_event_and_keeps_no_day(trigger, monkeypatch):
    monkeypatch.setenv("INSTANCE", "i-gone")
    record = trigger.put(f"{DAY}.SUCCESS")

    with pytest.raises(handler.Unanswered, match="InvalidInstanceId"):
        trigger.tell(record)

    assert trigger.claim(DAY) is None


@pytest.mark.parametrize("before", [True, False])
def test_a_command_whose_answer_was_lost_is_found_or_sent_but_never_sent_twice(trigger, monkeypatch, before):
    record = trigger.put(f"{DAY}.SUCCESS")
    trigger.runs.faults.add(kind="cut", part="SendCommand", before=before)
    with pytest.raises(handler.Unanswered):
        trigger.tell(record)
    assert trigger.days() == ([] if before else [DAY])
    assert trigger.claim(DAY)["run"] is None

    monkeypatch.setattr(marker, "GONE_SECONDS", 0)
    trigger.tell(record)

    assert trigger.days() == [DAY]
    assert trigger.claim(DAY)["run"] == trigger.runs.commands[0].command_id


def test_a_command_is_found_by_a_clock_that_is_behind(trigger, monkeypatch):
    record = trigger.put(f"{DAY}.SUCCESS")
    trigger.runs.faults.add(kind="cut", part="SendCommand", before=False)
    with pytest.raises(handler.Unanswered):
        trigger.tell(record)
    trigger.runs.commands[0].requested_date_time -= timedelta(minutes=2)

    monkeypatch.setattr(marker, "GONE_SECONDS", 0)
    trigger.tell(record)

    assert trigger.days() == [DAY]


def test_a_command_of_which_nobody_knows_whether_it_was_sent_keeps_its_day(trigger, monkeypatch):
    record = trigger.put(f"{DAY}.SUCCESS")
    trigger.runs.faults.add(kind="error", part="SendCommand")
    with pytest.raises(handler.Unanswered, match="InternalServerError"):
        trigger.tell(record)

    monkeypatch.setattr(marker, "GONE_SECONDS", 0)
    trigger.tell(record)

    assert trigger.days() == [DAY]
    assert trigger.claim(DAY)["run"] == trigger.runs.commands[0].command_id


def test_a_command_is_found_among_many(trigger, monkeypatch):
    for day in range(1, 6):
        trigger.tell(trigger.put(f"2017-11-0{day}.SUCCESS"))
    trigger.runs.faults.add(kind="cut", part="SendCommand", before=False)
    record = trigger.put(f"{DAY}.SUCCESS")
    with pytest.raises(handler.Unanswered):
        trigger.tell(record)
    trigger.runs.commands.insert(0, trigger.runs.commands.pop())

    monkeypatch.setattr(marker, "GONE_SECONDS", 0)
    trigger.tell(record)

    assert len(trigger.days()) == 6


def test_who_finds_a_claim_of_this_moment_looks_again_later(trigger):
    record = trigger.put(f"{DAY}.SUCCESS")
    trigger.runs.faults.add(kind="cut", part="SendCommand", before=False)
    with pytest.raises(handler.Unanswered):
        trigger.tell(record)

    with pytest.raises(handler.Unanswered, match=r"Busy: .* claimed 2017-11-10 a moment ago"):
        trigger.tell(record)


def test_a_run_that_failed_before_its_id_was_written_down_gives_its_day_back(trigger):
    trigger.runs.faults.add(kind="cut", part="SendCommand", before=False)
    with pytest.raises(handler.Unanswered):
        trigger.tell(trigger.put(f"{DAY}.SUCCESS"))

    told = trigger.end("Failed")

    assert told.endswith(f"{DAY} is free for its next marker")
    assert trigger.claim(DAY) is None


def test_a_record_that_cannot_be_understood_fails_the_event_and_keeps_no_other_from_its_run(trigger):
    with pytest.raises(handler.Unanswered, match=r"a record that cannot be understood: KeyError: 's3'"):
        trigger.tell({"eventName": "ObjectCreated:Put"}, trigger.put(f"{DAY}.SUCCESS"))

    assert trigger.days() == [DAY]


def test_one_record_that_fails_keeps_no_other_from_its_run(trigger):
    trigger.runs.faults.add(kind="throttle", part="SendCommand")

    with pytest.raises(handler.Unanswered, match=f"{NEXT_DAY}.SUCCESS ObjectCreated:Put: started"):
        trigger.tell(trigger.put(f"{DAY}.SUCCESS"), trigger.put(f"{NEXT_DAY}.SUCCESS"))

    assert trigger.days() == [NEXT_DAY]
