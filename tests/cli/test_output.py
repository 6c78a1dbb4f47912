"""With --json a command prints one JSON document on stdout, and everything else on stderr."""

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from enum import Enum
from pathlib import Path

import pytest
import typer

from pipeline.cli import app
from pipeline.cli.console import say, show_records
from pipeline.cli.exit_codes import ExitCode
from pipeline.cli.output import answers, plain, streams
from pipeline.core.warehouse import Warehouse


class Kind(Enum):
    STALE = "stale"


@dataclass
class Found:
    """An answer of a test's own."""

    day: date
    amount: Decimal


@answers(lambda found: say(f"{found.amount} on {found.day}"), code=lambda found: ExitCode.FOUND)
def look(day: str = "2010-12-01") -> Found:
    """Look."""
    say("looking")
    return Found(date.fromisoformat(day), Decimal("17.850"))


@streams(lambda event: say(f"{event['number']}!"))
def count(tell: Callable[[dict[str, int]], None], to: int = 2) -> int:
    """Count."""
    for number in range(to):
        print("counting")
        tell({"number": number})
    return ExitCode.FAILED


@pytest.fixture
def run(capsys):
    """Return what runs a command as `lakeshift` does: its exit code, stdout and stderr."""

    def run(command, *arguments):
        test_app = typer.Typer()
        test_app.command()(command)
        code = test_app(list(arguments), standalone_mode=False)
        return code, *capsys.readouterr()

    return run


def test_an_answer_is_text_with_what_was_said_before_it(run):
    assert run(look, "--day", "2010-12-02") == (3, "looking\n17.850 on 2010-12-02\n", "")


def test_with_json_it_is_one_document_and_what_was_said_goes_to_stderr(run):
    code, out, err = run(look, "--json")

    assert (code, json.loads(out), err) == (3, {"day": "2010-12-01", "amount": "17.850"}, "looking\n")


def test_events_are_shown_as_they_come(run):
    assert run(count) == (1, "counting\n0!\ncounting\n1!\n", "")


def test_with_json_each_event_is_a_line(run):
    assert run(count, "--json") == (1, '{"number": 0}\n{"number": 1}\n', "counting\ncounting\n")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (datetime(2010, 12, 1, 8, 26, tzinfo=timezone.utc), "2010-12-01T08:26:00+00:00"),
        (time(16, 0), "16:00:00"),
        (timedelta(minutes=1.5), 90.0),
        (Decimal("1E+2"), "1E+2"),
        (float("nan"), "nan"),
        (1.5, 1.5),
        (2**64, 2**64),
        (b"\x00\xff", "00ff"),
        (Kind.STALE, "stale"),
        (Path("/srv/lake"), "/srv/lake"),
        ({date(2010, 12, 1): (1, None)}, {"2010-12-01": [1, None]}),
        ({"b", "a"}, ["a", "b"]),
        (Counter(a=2), {"a": 2}),
        ([Found(date(2010, 12, 1), Decimal(1))], [{"day": "2010-12-01", "amount": "1"}]),
    ],
)
def test_values_are_json_without_loss(value, expected):
    assert plain(value) == expected


def test_records_are_a_table_below_their_names(capsys):
    show_records([{"days_old": 7, "path": "[red]"}])

    assert [line.strip("│┃ ") for line in capsys.readouterr().out.splitlines()[1::2]] == [
        "days old ┃ path",
        "7 │ [red]",
    ]


def test_every_command_has_json():
    commands = typer.main.get_command(app).commands

    assert len(commands) >= 13
    without = [name for name, one in commands.items() if "--json" not in [opt for it in one.params for opt in it.opts]]
    assert without == []


@pytest.mark.parametrize(
    ("arguments", "kind", "code"),
    [
        (["query", "SELECT nothing FROM nowhere", "--json"], "PipelineError", 1),
        (["query", "--json"], "UsageError", 2),
        (["--json"], "UsageError", 2),
    ],
)
def test_what_fails_is_the_answer_with_json_and_a_complaint_too(lakeshift, arguments, kind, code):
    done = lakeshift(*arguments)

    answer = json.loads(done.out)
    assert (done.code, answer["exit_code"], answer["kind"]) == (code, code, kind)
    assert answer["error"].strip(".") in " ".join(done.err.replace("│", " ").split())


def test_settings_that_are_wrong_are_the_answer_too(lakeshift, settings):
    settings("lake", "max_refused", "lots")

    done = lakeshift("vacuum", "--json")

    assert json.loads(done.out)["kind"] == "SettingError"


def test_what_nobody_foresaw_is_an_answer_with_its_class(lakeshift, monkeypatch):
    monkeypatch.setattr(Warehouse, "query_table", lambda *arguments: 1 / 0)

    done = lakeshift("query", "SELECT 1", "--json")

    assert (done.code, json.loads(done.out)["kind"]) == (1, "ZeroDivisionError")


def test_without_json_what_fails_leaves_stdout_empty(lakeshift):
    done = lakeshift("query", "SELECT nothing FROM nowhere", "--", "--json")

    assert (done.code, done.out) == (2, "")
