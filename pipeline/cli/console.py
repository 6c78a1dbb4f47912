"""How the commands speak: plain lines and tables on stdout, complaints on stderr."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from rich.tree import Tree

LUIGI = "luigi --module {module} {task} --date {day} --local-scheduler"
# What is read by a program is not to be folded at the width of a terminal.
PIPE_WIDTH = 250
UNCUT_WIDTH = 100_000


def say(text: str) -> None:
    _console().print(text, markup=False, highlight=False, soft_wrap=True)


def complain(text: str) -> None:
    Console(stderr=True).print(text, style="red", markup=False, highlight=False, soft_wrap=True)


def counted(number: int, noun: str) -> str:
    """Return a number of things in words."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def show_table(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Print rows below the names of their columns, numbers to the right."""
    rows = list(rows)
    table = Table()
    for index, column in enumerate(columns):
        is_number = all(isinstance(row[index], int | float | Decimal | None) for row in rows)
        table.add_column(Text(column), justify="right" if is_number else "left", overflow="fold")
    for row in rows:
        table.add_row(*("null" if value is None else Text(str(value)) for value in row))
    _console().print(table)


def show_tree(tree: Tree) -> None:
    # A tree cuts what is wider than the console off, soft_wrap or not.
    Console(width=UNCUT_WIDTH).print(tree, highlight=False, soft_wrap=True)


def show_records(records: Sequence[Mapping[str, Any]]) -> None:
    """Print rows, of which each has the names of all columns, as a table."""
    columns = list(records[0]) if records else []
    show_table([column.replace("_", " ") for column in columns], [list(record.values()) for record in records])


def _console() -> Console:
    return Console(width=None if sys.stdout.isatty() else PIPE_WIDTH)
