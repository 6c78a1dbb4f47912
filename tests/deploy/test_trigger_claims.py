"""The claims of the function that starts the runs, where S3 conflicts, fails, or answers nobody."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from fixtures_trigger import forget_clients
from s3_proxy import lost_reply, s3_error
from trigger import handler, marker

DAY = "2017-11-10"
CLAIM = f"/_claims/stocks/{DAY}.json"


def after_put(trigger, claim):
    """Return what puts another claim of the day before it sends a request on."""

    def put(send):
        trigger.s3.put_object(Bucket=trigger.bucket, Key=CLAIM[1:], Body=json.dumps(claim).encode())
        return send()

    return put


def after_anothers(trigger):
    return after_put(trigger, trigger.claim(DAY) | {"claimed_by": "another", "run": None})


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


@pytest.mark.parametrize(("status", "method"), [("Failed", "DELETE"), ("Success", "PUT")])
def test_the_end_of_a_run_leaves_the_day_to_who_took_it_meanwhile(by_proxy, proxy, status, method):
    by_proxy.tell(by_proxy.put(f"{DAY}.SUCCESS"))
    proxy.spoil(method, CLAIM, after_anothers(by_proxy))

    told = by_proxy.end(status)

    assert told.endswith(f"{DAY} is not claimed by it")
    assert by_proxy.claim(DAY)["claimed_by"] == "another"


def test_a_claim_is_not_taken_over_from_who_took_it_over_meanwhile(by_proxy, proxy):
    by_proxy.tell(by_proxy.put(f"{DAY}.SUCCESS"))
    by_proxy.runs.commands[0].status = "Failed"
    proxy.spoil("PUT", CLAIM, lambda send: send())
    proxy.spoil("PUT", CLAIM, after_anothers(by_proxy))

    [line] = by_proxy.tell(by_proxy.put(f"{DAY}.SUCCESS"))

    assert line.endswith(f"ignored, another took {DAY} over")
    assert (by_proxy.claim(DAY)["claimed_by"], by_proxy.days()) == ("another", [DAY])


def test_of_two_that_find_a_failed_run_at_once_one_starts_another(by_proxy, proxy):
    record = by_proxy.put(f"{DAY}.SUCCESS")
    by_proxy.tell(record)
    by_proxy.runs.commands[0].status = "Failed"
    both_have_looked = Barrier(2)
    proxy.spoil("PUT", CLAIM, s3_error(412, "PreconditionFailed"), times=2)
    proxy.spoil("PUT", CLAIM, lambda send: both_have_looked.wait(30) + 1 and send(), times=2)

    with ThreadPoolExecutor(2) as pool:
        came = [pool.submit(by_proxy.tell, record) for _ in range(2)]

    assert [one.exception() for one in came] == [None, None]
    assert by_proxy.days() == [DAY, DAY]


def test_the_end_that_comes_while_its_run_is_noted_is_noted_too(by_proxy, proxy):
    by_proxy.runs.faults.add(kind="cut", part="SendCommand", before=False)
    with pytest.raises(handler.Unanswered):
        by_proxy.tell(by_proxy.put(f"{DAY}.SUCCESS"))
    [command] = by_proxy.runs.commands
    noted = by_proxy.claim(DAY) | {"run": command.command_id}
    proxy.spoil("PUT", CLAIM, after_put(by_proxy, noted))

    by_proxy.end("Success")

    assert by_proxy.claim(DAY)["ended_at"]
