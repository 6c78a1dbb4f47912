"""What a run was asked for is told as it was typed, without what is not to be shown."""

from __future__ import annotations

import sys

import luigi
import pytest
from luigi.parameter import ParameterVisibility

from pipeline.core.asked import asked_of


class Fetch(luigi.Task):
    """What takes a token that nobody is to see."""

    date = luigi.DateParameter()
    api_key = luigi.Parameter(visibility=ParameterVisibility.PRIVATE, default="")


class Report(luigi.Task):
    """What has nothing but a token."""

    key = luigi.Parameter(visibility=ParameterVisibility.HIDDEN)


def command(monkeypatch, *options: str) -> str:
    monkeypatch.setattr(sys, "argv", ["/venv/bin/luigi", "--module", "mine", *options])
    return asked_of([Fetch(date=luigi.DateParameter().parse("2017-11-10"), api_key="hunter2")]).command


@pytest.mark.parametrize(
    ("option", "shown"),
    [
        (["--api-key", "hunter2"], "--api-key '***'"),
        (["--api-key=hunter2"], "'--api-key=***'"),
        (["--api", "hunter2"], "--api '***'"),
        (["--Fetch-api-key", "hunter2"], "--Fetch-api-key '***'"),
        (["--Report-key=hunter2"], "'--Report-key=***'"),
    ],
)
def test_the_value_of_a_private_parameter_is_not_shown(monkeypatch, option, shown):
    line = command(monkeypatch, "Fetch", *option, "--date", "2017-11-10")

    assert line == f"luigi --module mine Fetch {shown} --date 2017-11-10"


def test_what_is_public_is_shown_as_it_was_typed(monkeypatch):
    assert command(monkeypatch, "Fetch", "--date", "2017-11-10") == "luigi --module mine Fetch --date 2017-11-10"


def test_a_task_is_named_without_its_private_parameter():
    assert "hunter2" not in str(asked_of([Report(key="hunter2")]))
