"""The `lakeshift` command: what is done around the runs, which themselves are `luigi` commands."""

from __future__ import annotations

import configparser
import os
import sys
import traceback
from datetime import datetime
from pathlib import Path
from typing import Any, NoReturn

import typer
from typer.core import TyperGroup

from pipeline.cli import (
    alert,
    audit,
    explain,
    history,
    lineage,
    migrate,
    new,
    orphans,
    plan,
    query,
    reruns,
    seed,
    seed_stocks,
    services,
    vacuum,
    watch,
)
from pipeline.cli.console import complain
from pipeline.cli.exit_codes import MEANINGS, ExitCode
from pipeline.cli.output import is_json_wanted, print_document
from pipeline.core.errors import PipelineError, one_line

EXIT_CODES = "Exit codes: " + "; ".join(f"{int(code)} {meaning}" for code, meaning in MEANINGS.items()) + "."
# By this, as typer names it, a shell asks for completions.
COMPLETING = "_LAKESHIFT_COMPLETE"
HELP = """Start the embedded services, fill the sources, look at results, ask for a day again.

The pipelines themselves are run by luigi, such as:
luigi --module pipeline.user_behaviour UserBehaviourMetric --date 2010-12-01
"""


class Commands(TyperGroup):
    """The commands, of which some have a name of two words."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        name = " ".join(args[:2])
        return super().resolve_command(ctx, [name, *args[2:]] if name in self.commands else args)

    def shell_complete(self, ctx: Any, incomplete: str) -> Any:
        # The second word is completed after the first.
        return [item for item in super().shell_complete(ctx, incomplete) if " " not in item.value]


app = typer.Typer(cls=Commands, no_args_is_help=True, pretty_exceptions_enable=False, epilog=EXIT_CODES)
for command in (
    services.up,
    services.down,
    migrate.migrate,
    seed.seed,
    seed_stocks.seed_stocks,
    query.query,
    plan.plan,
    plan.run,
    explain.explain,
    reruns.rerun,
    watch.watch,
    audit.audit,
    vacuum.vacuum,
    orphans.orphans,
    history.history,
    lineage.lineage,
    services.config,
    services.warm,
    alert.alert,
    new.new,
):
    app.command(command.__name__.replace("_", " "))(command)


@app.callback(help=HELP)
def check_settings() -> None:
    """Refuse settings that are wrong before a command does anything, as a run does."""
    from pipeline.core import config

    config.check()


def main() -> None:
    """Run the command line; what fails is one line on stderr, and exit code 1."""
    try:
        sys.exit(app(prog_name="lakeshift", standalone_mode=False))
    except typer.TyperException as error:
        from typer.rich_utils import rich_format_error

        rich_format_error(error)  # type: ignore[arg-type]
        _fail("UsageError", error.format_message(), error.exit_code)
    except Exception as error:
        if COMPLETING in os.environ:
            # The shell would print a complaint in the middle of the line.
            sys.exit(ExitCode.FAILED)
        complain(line := _line(error))
        _fail(type(error).__name__, line, ExitCode.FAILED)


def _line(error: Exception) -> str:
    """Return the one line that is said of an error."""
    if isinstance(error, configparser.ParsingError):
        # Of the line only its number: it may hold a password.
        number = getattr(error, "lineno", None) or error.errors[0][0]
        return f"{error.source}, line {number}: no setting. Write name = value, below a [section]."
    if isinstance(error, PipelineError):
        return one_line(error)
    return f"{one_line(error)}. {_keep_traceback()}"


def _fail(kind: str, line: str, code: int) -> NoReturn:
    """End with an exit code; with --json what failed is the answer."""
    if is_json_wanted(sys.argv[1:]):
        print_document({"error": line, "kind": kind, "exit_code": code})
    sys.exit(code)


def _keep_traceback() -> str:
    """Write the exception being handled to the log file, and return where that is."""
    text = traceback.format_exc()
    try:
        from pipeline.core import config

        file = Path(config.log().file)
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("a", encoding="utf-8") as log:
            log.write(f"{datetime.now():%Y-%m-%d %H:%M:%S} {' '.join(sys.argv)}\n{text}")
    except Exception:
        return f"Its traceback could not be written to the log:\n{text}"
    return f"The traceback is in {file}"
