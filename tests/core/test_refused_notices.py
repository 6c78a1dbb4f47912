"""Runs that cannot begin are told of, and what stays wrong not every few minutes."""

# ruff: noqa: F811 - fixtures

from __future__ import annotations

from pathlib import Path

import pytest
from fixtures_mail import inbox  # noqa: F401
from fixtures_notices import (
    FIRST,
    SECOND,
    Load,
    Minibatch,
    build,
    ends,
    mail,  # noqa: F401
)

from pipeline.core import failing, run


def test_settings_that_keep_a_run_from_beginning_are_told_of(mail, settings):
    settings("lake", "max_refused", "2")

    with pytest.raises(SystemExit):
        build(Load(FIRST))

    [(subject, body)] = mail.read()
    assert subject == "2304_Stock_Prices_Pipeline_Failure"
    assert body.startswith("A run did not begin: [lake] max_refused = 2 (set at run time): expected a share between")


def refused(settings, value: str) -> None:
    settings("lake", "max_refused", value)
    with pytest.raises(SystemExit):
        build(Minibatch(FIRST))


def test_settings_that_stay_wrong_are_told_of_once_and_others_too(mail, settings):
    for value in ("2", "2", "3"):
        refused(settings, value)

    assert ["max_refused = 2" in body for _, body in mail.read()] == [True, False]


def test_settings_that_stay_wrong_are_told_of_again_after_some_hours(mail, settings, monkeypatch):
    refused(settings, "2")
    now = failing._now()
    monkeypatch.setattr(failing, "_now", lambda: now.replace(year=now.year + 1))

    refused(settings, "2")

    assert ends(mail) == ["Failure", "Failure"]


def test_wrong_settings_of_which_nobody_could_be_told_are_told_of_by_the_next(mail, settings, monkeypatch):
    refused(settings, "2")
    with monkeypatch.context() as away:
        away.setenv("AWS_ENDPOINT_URL_SNS", "http://127.0.0.1:9")
        refused(settings, "3")

    refused(settings, "3")

    assert ends(mail) == ["Failure", "Failure"]


def test_a_minibatch_that_begins_again_since_its_settings_are_right_says_so(mail, settings):
    refused(settings, "2")
    settings("lake", "max_refused", "0.1")

    build(Minibatch(FIRST))
    build(Minibatch(SECOND))

    (_, failure), (_, recovery) = mail.read()
    assert failure.startswith("A run did not begin: ")
    assert recovery.startswith("Recovered: it had failed since ") and "the last time with [lake] max_ref" in recovery


def test_a_run_that_can_have_no_folder_is_told_of(mail, tmp_path, monkeypatch):
    (tmp_path / "lakeshift").mkdir()
    (tmp_path / "lakeshift").chmod(0o777)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))

    with pytest.raises(SystemExit):
        build(Load(FIRST))

    [(subject, body)] = mail.read()
    assert subject == "2304_Stock_Prices_Pipeline_Failure"
    assert f"A run did not begin: {tmp_path}/lakeshift is not a folder of this user's alone." in body


def test_a_run_after_one_that_could_have_no_folder_is_told_of(mail, monkeypatch):
    with monkeypatch.context() as full:
        full.setattr(run.client, "run_folder", lambda: Path("/dev/full/x").read_text())
        with pytest.raises(SystemExit):
            build(Load(FIRST))

    build(Load(FIRST))

    assert ends(mail) == ["Failure", "Success"]
