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
    from pipeline.core.database import database
    from pipeline.core.lake import lake
    from pipeline.core.store import refuse_unconditional
    from pipeline.core.warehouse import warehouse

    if not dry_run:
        refuse_unconditional(lake().store)
    for store in (warehouse(), database()):
        made = store.migrate(dry_run)
        for one in made:
            say(f"{one};" if dry_run else f"{store}: {one}")
        if not made:
            say(f"{'-- ' if dry_run else ''}{store}: all is there")
