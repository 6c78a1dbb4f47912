"""What a command answers: text for who reads it or, with --json, one JSON document on stdout.

A command is a function that returns its answer, and knows nothing of how that is shown:

    @answers(show_leftovers, code=lambda answer: ExitCode.FOUND if answer.leftovers else ExitCode.DONE)
    def vacuum(...) -> Vacuum: ...

What it says while it works is progress, and goes to stderr where stdout is for the document.
"""

from __future__ import annotations

import inspect
import json
import math
import sys
from collections.abc import Callable, Iterable, Mapping
from contextlib import redirect_stdout
from dataclasses import fields, is_dataclass
from datetime import date, time, timedelta
from decimal import Decimal
from enum import Enum
from functools import wraps
from typing import Annotated, Any, TextIO

import typer

from pipeline.cli.exit_codes import ExitCode

Json = typer.Option("--json", help="Print the answer as JSON on stdout, and all else on stderr.")
AS_JSON = inspect.Parameter("as_json", inspect.Parameter.KEYWORD_ONLY, default=False, annotation=Annotated[bool, Json])
Command = Callable[..., int]
# What a command that runs on calls with each event.
Tell = Callable[[Any], None]


def answers(
    show: Callable[[Any], None], code: Callable[[Any], int] = lambda answer: ExitCode.DONE
) -> Callable[[Callable[..., Any]], Command]:
    """Return what makes a command, with --json, of a function that returns its answer.

    show prints the answer as text; code says the exit code that it means. The answer is a mapping or a dataclass.
    """

    def command_of(function: Callable[..., Any]) -> Command:
        def command(as_json: bool = False, **options: Any) -> int:
            if not as_json:
                show(answer := function(**options))
            else:
                with redirect_stdout(sys.stderr):
                    answer = function(**options)
                print_document(answer)
            return code(answer)

        return _with_json(command, function)

    return command_of


def streams(show: Tell) -> Callable[[Callable[..., int]], Command]:
    """Return what makes a command, with --json, of a function that tells of events as they come.

    The function is given `tell`, to call with each event, and returns the exit code. show prints an event as text;
    with --json each is a document on a line of its own.
    """

    def command_of(function: Callable[..., int]) -> Command:
        def command(as_json: bool = False, **options: Any) -> int:
            if not as_json:
                return function(tell=show, **options)
            stdout = sys.stdout
            with redirect_stdout(sys.stderr):
                return function(tell=lambda event: print_line(event, stdout), **options)

        return _with_json(command, function)

    return command_of


def _with_json(command: Command, function: Callable[..., Any]) -> Command:
    """Return the command under the name and with the options of a function, and with --json."""
    # What it returns may be a name that only the type checker has imported.
    function.__annotations__.pop("return", None)
    own = inspect.signature(function, eval_str=True)
    options = [option for name, option in own.parameters.items() if name != "tell"]
    named: Any = wraps(function)(command)
    named.__signature__ = own.replace(parameters=[*options, AS_JSON])
    return named


def print_document(answer: Any) -> None:
    """Print an answer as the one JSON document of a command."""
    print(json.dumps(plain(answer), indent=2, allow_nan=False), flush=True)


def print_line(event: Any, stdout: TextIO) -> None:
    """Print an event as a JSON document on one line."""
    print(json.dumps(plain(event), allow_nan=False), file=stdout, flush=True)


def is_json_wanted(words: list[str]) -> bool:
    """Say whether a command line asks for JSON, also one that cannot be understood otherwise."""
    return "--json" in (words[: words.index("--")] if "--" in words else words)


def plain(value: Any) -> Any:
    """Return a value as JSON has it, without loss.

    Dates and times are ISO 8601, durations seconds; decimals are strings, since most readers make floats of numbers,
    and so are bytes (hexadecimal) and the floats that JSON does not know.
    """
    if isinstance(value, Enum):
        return plain(value.value)
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, Decimal):
        return str(value)
    return _plain_collection(value)


def _plain_collection(value: Any) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {str(plain(key)): plain(one) for key, one in value.items()}
    if isinstance(value, set | frozenset):
        return sorted(map(plain, value))
    if isinstance(value, Iterable):
        return [plain(one) for one in value]
    return str(value)
