"""Makes the tables of the warehouse and of PostgreSQL those that sql/ declares."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from pipeline.cli.console import say
from pipeline.cli.output import answers

DryRun = typer.Option("--dry-run", help="Change nothing, and print the statements that are due.")


def _show(migrated: dict[str, Any]) -> None:
    # What was changed has been said, store by store.
    for one in migrated["stores"] if migrated["is_dry_run"] else ():
        for statement in one["changes"]:
            say(f"{statement};")
        if not one["changes"]:
            say(f"-- {one['store']}: all is there")


@answers(_show)
def migrate(dry_run: Annotated[bool, DryRun] = False) -> dict[str, Any]:
    """Create the schemas and tables that are missing, and add the columns that tables lack.

    A table that differs in another way is named, and nothing of its database is changed. Run it again at any time.
    A lake whose server puts over what is there, whatever the condition, is refused first.
    """
    from pipeline.core.database import database, due_statements
    from pipeline.core.warehouse import warehouse

    if dry_run:
        changes = {str(warehouse()): warehouse().migrate(dry_run), "PostgreSQL": due_statements()}
    else:
        _refuse_unconditional()
        changes = {str(store): _changed(store) for store in (warehouse(), database())}
    stores = [{"store": store, "changes": made} for store, made in changes.items()]
    return {"is_dry_run": dry_run, "stores": stores}


def _refuse_unconditional() -> None:
    from pipeline.core.lake import lake
    from pipeline.core.store import refuse_unconditional

    refuse_unconditional(lake().store)


def _changed(store: Any) -> list[str]:
    """Migrate a store, say what that changed, and return it."""
    changes = store.migrate()
    for one in changes or ["all is there"]:
        say(f"{store}: {one}")
    return changes
