"""Shows what is in the warehouse."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import chain, count
from typing import Annotated, Any

import typer

from pipeline.cli.console import counted, say, show_table
from pipeline.cli.output import answers

SHOWN = 20
Sql = typer.Argument(metavar="SQL", help="Redshift SQL, such as 'SELECT * FROM public.etl_load'.")
Limit = typer.Option(min=1, show_default=f"{SHOWN}; with --json, all", help="The most rows to print.")


def _show(answer: dict[str, Any]) -> None:
    if not answer["columns"]:
        say("Done")
        return
    shown = answer["rows"][: answer["limit"] or SHOWN]
    show_table(answer["columns"], [list(row.values()) for row in shown])
    total = answer["row_count"]
    say(f"{f'the first {len(shown):,} of ' if total > len(shown) else ''}{counted(total, 'row')}")


@answers(_show)
def query(sql: Annotated[str, Sql], limit: Annotated[int | None, Limit] = None) -> dict[str, Any]:
    """Run a statement on the warehouse and print what it returns."""
    from pipeline.core.warehouse import warehouse

    table = warehouse().query_table(sql)
    names = _distinct(table.columns)
    rows = [dict(zip(names, row, strict=True)) for row in table.rows[:limit]]
    return {"columns": names, "rows": rows, "row_count": len(table.rows), "limit": limit}


def _distinct(columns: Iterable[str]) -> list[str]:
    """Return the names of columns, of which a repeated one is numbered: a, a_2."""
    names: list[str] = []
    for column in columns:
        numbered = (f"{column}_{number}" for number in count(2))
        names.append(next(name for name in chain([column], numbered) if name not in names))
    return names
