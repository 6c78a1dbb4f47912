"""Which ends of runs are told of, by one message each, and what these say."""

# ruff: noqa: F811 - fixtures

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from fixtures_mail import inbox  # noqa: F401
from fixtures_notices import (
    FIRST,
    SECOND,
    Load,
    Minibatch,
    Outer,
    broken,
    build,
    ends,
    made,
    mail,  # noqa: F401
)

from pipeline.core import failing, notices, run


def test_a_failure_is_told_with_its_day_its_cause_its_log_and_the_line_to_type(mail, tmp_path):
    broken.add(SECOND)

    build(Load(SECOND))

    [(subject, body)] = mail.read()
    lines = body.splitlines()
    assert subject == "2304_Stock_Prices_Pipeline_Failure"
    assert lines[0].startswith("Load 2017-11-10: failure after ")
    assert lines[1:5] == [
        "Date: 2017-11-10",
        "Error: Load 2017-11-10: Load 2017-11-10: postgresql://luigi:***@db/shop has no rows. Look at the source.",
        f"Log: {tmp_path}/log/lakeshift.log",
        f"Run it again: luigi --module {Load(SECOND).task_module} Load --date 2017-11-10",
    ]


def test_of_several_days_one_message_says_the_first_error_and_how_many_there_are(mail):
    broken.update([FIRST, SECOND])

    build(Load(FIRST), Load(SECOND), Load(date(2017, 11, 8)), workers=2)

    [(_, body)] = mail.read()
    assert "Dates: 2017-11-08 to 2017-11-10, 3 in all" in body
    assert "has no rows. Look at the source. (and 1 more, below)" in body
    assert "Lakeshift: 1 made, 0 already there, 2 failed in" in body


def test_a_run_within_a_run_is_not_told_of_by_itself(mail):
    build(Outer(FIRST))

    assert (len(made), ends(mail)) == (2, ["Success"])


def test_a_topic_that_does_not_answer_fails_no_run(mail, monkeypatch, caplog):
    monkeypatch.setenv("AWS_ENDPOINT_URL_SNS", "http://127.0.0.1:9")

    assert build(Load(FIRST))

    [line] = [one.getMessage() for one in caplog.records if one.name == "pipeline.core.alerts" and one.levelno > 20]
    assert line.startswith(f"Nobody was told: 2304_Stock_Prices_Pipeline_Success could not be sent to {mail.topic}:")


def test_who_wants_to_hear_of_failures_only_hears_of_no_success(mail, settings):
    settings("alerts", "on", "failure")

    build(Load(FIRST))

    assert ends(mail) == []


def test_a_success_of_what_failed_says_so_also_to_who_hears_of_no_other(mail, settings):
    settings("alerts", "on", "recovery")
    broken.add(FIRST)
    build(Load(FIRST))
    build(Load(SECOND))

    build(Load(date(2017, 11, 11)))

    [(subject, body)] = mail.read()
    assert subject == "2304_Stock_Prices_Pipeline_Success"
    assert body.startswith("Recovered: it had failed since ")
    assert ", the last time with Load 2017-11-09\nLoad 2017-11-10: success after" in body


def test_another_task_does_not_recover_for_it(mail, settings):
    settings("alerts", "on", "recovery")
    broken.add(FIRST)
    build(Load(FIRST))

    build(Outer(SECOND))

    assert ends(mail) == []


def test_of_minibatches_the_first_failure_and_the_recovery_are_told(mail):
    build(Minibatch(FIRST))
    broken.update([SECOND, date(2017, 11, 11)])
    build(Minibatch(SECOND))
    build(Minibatch(date(2017, 11, 11)))

    build(Minibatch(date(2017, 11, 12)))

    assert ends(mail) == ["Failure", "Success"]


def test_a_minibatch_that_goes_on_failing_is_told_of_again_after_some_hours(mail, settings, monkeypatch):
    broken.update([FIRST, SECOND])
    build(Minibatch(FIRST))
    settings("alerts", "remind_hours", "6")
    now = failing._now()
    monkeypatch.setattr(failing, "_now", lambda: now.replace(year=now.year + 1))

    build(Minibatch(SECOND))

    assert ends(mail) == ["Failure", "Failure"]


def test_a_setting_has_minibatches_tell_of_each_end(mail, settings):
    settings("alerts", "on_minibatch", "success, failure")
    settings("alerts", "remind_hours", "0")
    broken.update([FIRST, SECOND])

    for day in (FIRST, SECOND, date(2017, 11, 11)):
        build(Minibatch(day))

    assert ends(mail) == ["Failure", "Failure", "Success"]


def test_a_run_whose_end_fails_is_told_of_with_what_it_was(mail, tmp_path, monkeypatch):
    with monkeypatch.context() as failing_end:
        failing_end.setattr(run, "end_cluster", lambda folder: Path("/dev/full/x").read_text())
        with pytest.raises(OSError):
            build(Load(FIRST))

    build(Load(SECOND))

    (failure, body), (success, _) = mail.read()
    assert (failure.rpartition("_")[2], success.rpartition("_")[2]) == ("Failure", "Success")
    assert "0 failed in" in body and ", NotADirectoryError: [Errno 20] Not a directory: '/dev/full/x'." in body
    assert list((tmp_path / "log/runs").iterdir()) == []


def test_where_nothing_can_be_remembered_a_run_ends_as_it_would(mail, tmp_path, caplog):
    (tmp_path / "log").write_text("a file in the place of the folder")
    broken.add(SECOND)

    assert [build(Load(FIRST)), build(Load(SECOND))] == [True, False]

    assert ends(mail) == ["Success", "Failure"]
    assert f"That this failed is not remembered, since {tmp_path}/log/failing/" in caplog.text


def test_what_cannot_be_told_fails_no_run(mail, monkeypatch):
    monkeypatch.setattr(notices, "lines_of", lambda *arguments: 1 / 0)

    assert build(Load(FIRST))
