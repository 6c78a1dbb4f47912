"""Killed runs are told of by the next one, each once, and not at its cost."""

# ruff: noqa: F811 - fixtures

from __future__ import annotations

import re
import signal
import time

import pytest
from fixtures_mail import inbox  # noqa: F401
from fixtures_notices import (
    FIRST,
    SECOND,
    Load,
    Outer,
    build,
    ends,
    killed_note,
    made,
    mail,  # noqa: F401
)

from pipeline.core import killed_runs, notices


def test_what_made_nothing_tells_only_of_who_was_killed_before(mail, tmp_path):
    made.add(Load(FIRST).task_id)
    killed_runs.put(tmp_path / "log/runs", killed_note(Load(SECOND)))

    build(Load(FIRST))
    build(Load(FIRST))

    [(subject, body)] = mail.read()
    assert subject == "2304_Stock_Prices_Pipeline_Failure"
    assert body.startswith("Load 2017-11-10: killed\nIt began at 2017-11-10T22:00:00+00:00, and did not come")


@pytest.fixture(autouse=True)
def on_this_host(monkeypatch):
    # A host that was started again since.
    monkeypatch.setattr(killed_runs, "this_process", lambda: "elsewhere/1/effffffc/1d2c 1 1.0")


def test_a_killed_run_of_which_nobody_could_be_told_is_told_of_by_the_next(mail, tmp_path, monkeypatch, ministack):
    killed_runs.put(tmp_path / "log/runs", killed_note(Load(SECOND)))
    monkeypatch.setenv("AWS_ENDPOINT_URL_SNS", "http://127.0.0.1:9")
    build(Load(FIRST))
    monkeypatch.setenv("AWS_ENDPOINT_URL_SNS", ministack)

    build(Load(FIRST))

    assert ends(mail) == ["Failure"]


def test_what_recovered_fails_no_more_when_somebody_is_told_of_a_killed_run_late(mail, tmp_path, monkeypatch):
    killed_runs.put(tmp_path / "log/runs", killed_note(Load(SECOND)))
    with monkeypatch.context() as away:
        away.setenv("AWS_ENDPOINT_URL_SNS", "http://127.0.0.1:9")
        build(Load(FIRST))
    made.add(Outer(FIRST).task_id)

    build(Outer(FIRST))
    build(Load(SECOND))

    assert [body.splitlines()[0].split(" after")[0] for _, body in mail.read()] == [
        "Load 2017-11-10: killed",
        "Load 2017-11-10: success",
    ]


def test_a_killed_run_whose_teller_was_killed_is_told_of_by_the_next(mail, tmp_path, monkeypatch):
    killed_runs.put(tmp_path / "log/runs", killed_note(Load(SECOND)))
    with monkeypatch.context() as first:
        first.setattr(notices, "tell", lambda alert: signal.default_int_handler(signal.SIGINT, None))
        with pytest.raises(KeyboardInterrupt):
            notices.end(None)
    still_told = ends(mail)
    monkeypatch.setattr(killed_runs, "this_process", lambda: "elsewhere/2/effffffc/1d2c 1 1.0")

    notices.end(None)

    assert (still_told, ends(mail)) == ([], ["Failure"])
    assert list((tmp_path / "log/runs").iterdir()) == []


def test_of_a_killed_run_that_somebody_is_telling_of_nobody_else_tells(mail, tmp_path):
    folder = tmp_path / "log/runs"
    killed_runs.put(folder, killed_note(Load(SECOND)))

    [found] = killed_runs.killed(folder)

    assert found.is_news and list(killed_runs.killed(folder)) == []


def test_the_duration_that_is_told_does_not_count_what_is_told_of_a_killed_run(mail, tmp_path, monkeypatch):
    killed_runs.put(tmp_path / "log/runs", killed_note(Outer(SECOND)))
    tell = notices.tell
    monkeypatch.setattr(notices, "tell", lambda alert: time.sleep(0.3) or tell(alert))

    build(Load(FIRST))

    [body] = [body for subject, body in mail.read() if subject.endswith("Success")]
    [told], [printed] = re.findall(r"success after ([\d.]+ s)", body), re.findall(r"0 failed in ([\d.]+ s)", body)
    assert told == printed
