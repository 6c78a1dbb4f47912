"""The claims of the function that starts the runs, where S3 conflicts, fails, or answers nobody."""

from __future__ import annotations

import pytest
from fixtures_trigger import forget_clients
from s3_proxy import lost_reply, s3_error
from trigger import handler, marker

DAY = "2017-11-10"
CLAIM = f"/_claims/stocks/{DAY}.json"


@pytest.fixture
def by_proxy(trigger, proxy, monkeypatch):
    """The function, with a proxy between it and S3."""
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", proxy.endpoint)
    forget_clients()
    return trigger


def test_a_claim_whose_put_was_not_answered_is_known_as_ones_own(by_proxy, proxy):
    proxy.spoil("PUT", CLAIM, lost_reply)

    [line] = by_proxy.tell(by_proxy.put(f"{DAY}.SUCCESS"))

    assert f"started the run of {DAY}" in line
    assert by_proxy.claim(DAY)["run"] == by_proxy.runs.commands[0].command_id
    assert by_proxy.days() == [DAY]


def test_a_run_whose_note_was_not_answered_is_known_as_noted(by_proxy, proxy):
    proxy.spoil("PUT", CLAIM, lambda send: send())
    proxy.spoil("PUT", CLAIM, lost_reply)

    [line] = by_proxy.tell(by_proxy.put(f"{DAY}.SUCCESS"))

    assert line.endswith(f"started the run of {DAY}: {by_proxy.runs.commands[0].command_id}")


def test_a_put_that_met_another_is_made_again(by_proxy, proxy):
    proxy.spoil("PUT", CLAIM, s3_error(409, "ConditionalRequestConflict"))

    [line] = by_proxy.tell(by_proxy.put(f"{DAY}.SUCCESS"))

    assert f"started the run of {DAY}" in line


def test_a_run_that_could_not_be_noted_is_found_when_the_event_comes_again(by_proxy, proxy, monkeypatch):
    record = by_proxy.put(f"{DAY}.SUCCESS")
    proxy.spoil("PUT", CLAIM, lambda send: send())
    proxy.spoil("PUT", CLAIM, s3_error(500, "InternalError"), times=2)
    with pytest.raises(handler.Unanswered, match="InternalError"):
        by_proxy.tell(record)

    monkeypatch.setattr(marker, "GONE_SECONDS", 0)
    [line] = by_proxy.tell(record)

    [command] = by_proxy.runs.commands
    assert line.endswith(f"ignored, the run of {DAY} is running: {command.command_id}")
    assert by_proxy.claim(DAY)["run"] == command.command_id


def test_what_cannot_be_claimed_starts_nothing(by_proxy, proxy):
    proxy.spoil("PUT", CLAIM, s3_error(403, "AccessDenied"))

    with pytest.raises(handler.Unanswered, match="AccessDenied"):
        by_proxy.tell(by_proxy.put(f"{DAY}.SUCCESS"))

    assert by_proxy.days() == []


def test_the_day_of_a_failed_run_is_not_taken_from_who_took_it_meanwhile(by_proxy, proxy):
    by_proxy.tell(by_proxy.put(f"{DAY}.SUCCESS"))
    proxy.spoil("DELETE", CLAIM, s3_error(412, "PreconditionFailed"))

    told = by_proxy.end("Failed")

    assert told.endswith(f"{DAY} has another's claim by now")
