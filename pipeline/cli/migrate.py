"""Makes the tables of the warehouse and of PostgreSQL those that sql/ declares."""

from __future__ import annotations

from typing import Annotated

import typer

from pipeline.cli.console import say

DryRun = typer.Option("--dry-run", help="Change nothing, and print the statements that are due.")


def migrate(dry_run: Annotated[bool, DryRun] = False) -> None:
    """Create the schemas and tables that are missing, and add the columns that tables lack.

    A table that differs in another way is named, and nothing of its database is changed. Run it again at any time.
    A lake whose server puts over what is there, whatever the condition, is refused first.
    """
    from pipeline.core.database import database, due_statements
    from pipeline.core.lake import lake
    from pipeline.core.store import refuse_unconditional
    from pipeline.core.warehouse import warehouse

    if dry_run:
        _show(str(warehouse()), warehouse().migrate(dry_run))
        _show("PostgreSQL", due_statements())
        return
    refuse_unconditional(lake().store)
    for store in (warehouse(), database()):
        for one in store.migrate() or ["all is there"]:
            say(f"{store}: {one}")


def _show(place: str, due: list[str]) -> None:
    for statement in due:
        say(f"{statement};")
    if not due:
        say(f"-- {place}: all is there")
