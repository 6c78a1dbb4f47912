"""Removes what attempts left in the lake and nothing needs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta, timezone
from itertools import groupby
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipeline.cli.console import counted, say, show_table
from pipeline.cli.output import answers

if TYPE_CHECKING:
    from pipeline.core.lake import Dataset
    from pipeline.core.lake.vacuum import Held

Delete = typer.Option("--delete", help="Remove them; without it, they are only shown.")
OlderThan = typer.Option(
    "--older-than",
    # What an attempt under way has written and not committed yet must never be old enough.
    min=1,
    metavar="DAYS",
    show_default="[lake] vacuum_after_days",
    help="How old what nothing needs must be.",
)


def _show(answer: Mapping[str, Any]) -> None:
    attempts, uploads, days = answer["attempts"], answer["unfinished_uploads"], answer["older_than_days"]
    if not attempts and not uploads and not answer["old_records"]:
        say(f"There is nothing to remove: all that is older than {counted(days, 'day')} is needed")
        return
    if attempts:
        show_table(("dataset", "attempt", "partition", "days old", "files", "bytes"), map(_row, attempts))
    for upload in uploads:
        age = counted(_age(upload["started_at"]), "day")
        say(f"An upload of {upload['path']} was begun {age} ago and never finished")
    files, size = sum(one["files"] for one in attempts), sum(one["bytes"] for one in attempts)
    held = f"{counted(len(attempts), 'attempt')} ({counted(files, 'file')}, {size:,} bytes)"
    total = f"{held}, {counted(len(uploads), 'unfinished upload')}"
    if answer["old_records"]:
        records = counted(answer["old_records"], "record")
        total += f"; and {records} of runs older than {counted(answer['history_keep_days'], 'day')}"
    if answer["is_deleted"]:
        say(f"Removed: {total}")
    else:
        say(f"Older than {counted(days, 'day')}, and needed by nothing: {total}")
        say(f"Remove them: {answer['next']}")


@answers(_show)
def vacuum(
    delete: Annotated[bool, Delete] = False, older_than: Annotated[int | None, OlderThan] = None
) -> dict[str, Any]:
    """Show what attempts left in the lake that no manifest names and no external partition points at, or remove it."""
    from pipeline.core import config
    from pipeline.core.history import old_records
    from pipeline.core.lake import lake
    from pipeline.core.lake.vacuum import leftovers, remove, unfinished
    from pipeline.core.spark.claims import claims
    from pipeline.core.warehouse import is_among, warehouse
    from pipeline.core.warehouse.lakes import refuse_hidden

    refuse_hidden(warehouse(), lake())
    days = older_than or config.lake().vacuum_after_days
    now, keep_days = datetime.now(timezone.utc), config.history().keep_days
    before, pointed_at = now - timedelta(days=days), warehouse().external_locations()
    attempts = leftovers(lake(), before, lambda at: is_among(at, pointed_at), lambda: claims(lake().store))
    uploads = unfinished(lake().store, before)
    records = old_records(lake().store, now - timedelta(days=keep_days))
    if delete:
        remove(lake().store, attempts, uploads)
        lake().store.delete(records)
    return {
        "older_than_days": days,
        "is_deleted": delete,
        "attempts": [_record(*name, list(held)) for name, held in groupby(attempts, key=_attempt)],
        "unfinished_uploads": [{"path": one.path, "started_at": one.started} for one in uploads],
        "old_records": len(records),
        "history_keep_days": keep_days,
        "next": "" if delete or not (attempts or uploads or records) else _deleting(older_than),
    }


def _deleting(older_than: int | None) -> str:
    return "lakeshift vacuum --delete" + (f" --older-than {older_than}" if older_than else "")


def _attempt(held: Held) -> tuple[Dataset, str]:
    return held.dataset, held.attempt


def _record(dataset: Dataset, attempt: str, held: Iterable[Held]) -> dict[str, Any]:
    return {
        "dataset": str(dataset),
        "attempt": attempt,
        # None of what lies beside its partitions.
        "partitions": [one.partition and str(one.partition) for one in held],
        "last_written_at": max(one.last for one in held),
        "files": sum(one.files for one in held),
        "bytes": sum(one.bytes for one in held),
    }


def _row(one: Mapping[str, Any]) -> tuple[Any, ...]:
    first, *others = (partition or "(beside its partitions)" for partition in one["partitions"])
    partitions = f"{first} and {len(others):,} more" if others else first
    return one["dataset"], one["attempt"], partitions, _age(one["last_written_at"]), one["files"], one["bytes"]


def _age(since: datetime) -> int:
    """Return how many days ago something was."""
    return (datetime.now(timezone.utc) - since).days
