"""Removes what attempts left in the lake and nothing needs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta, timezone
from itertools import groupby
from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.cli.console import counted, say, show_table

if TYPE_CHECKING:
    from pipeline.core.lake import Dataset
    from pipeline.core.lake.vacuum import Held
    from pipeline.core.store import Upload

Delete = typer.Option("--delete", help="Remove them; without it, they are only shown.")
OlderThan = typer.Option(
    "--older-than",
    # What an attempt under way has written and not committed yet must never be old enough.
    min=1,
    metavar="DAYS",
    show_default="[lake] vacuum_after_days",
    help="How old what nothing needs must be.",
)


def vacuum(delete: Annotated[bool, Delete] = False, older_than: Annotated[int | None, OlderThan] = None) -> None:
    """Show what attempts left in the lake that no manifest names and no external partition points at, or remove it."""
    from pipeline.core import config
    from pipeline.core.lake import lake
    from pipeline.core.lake.vacuum import leftovers, remove, unfinished
    from pipeline.core.spark.claims import claims
    from pipeline.core.warehouse import is_among, warehouse
    from pipeline.core.warehouse.lakes import refuse_hidden

    refuse_hidden(warehouse(), lake())
    days = older_than or config.lake().vacuum_after_days
    now = datetime.now(timezone.utc)
    before, pointed_at = now - timedelta(days=days), warehouse().external_locations()
    attempts = leftovers(lake(), before, lambda at: is_among(at, pointed_at), lambda: claims(lake().store))
    uploads = unfinished(lake().store, before)
    if not attempts and not uploads:
        say(f"There is nothing to remove: all that is older than {counted(days, 'day')} is needed")
        return
    _show(attempts, uploads, now)
    if delete:
        remove(lake().store, attempts, uploads)
        say(f"Removed: {_sum(attempts, uploads)}")
    else:
        say(f"Older than {counted(days, 'day')}, and needed by nothing: {_sum(attempts, uploads)}")
        say("Remove them: lakeshift vacuum --delete" + (f" --older-than {older_than}" if older_than else ""))


def _show(attempts: Iterable[Held], uploads: Iterable[Upload], now: datetime) -> None:
    rows = []
    for (dataset, attempt), held in groupby(attempts, key=_attempt):
        parts = list(held)
        first = str(parts[0].partition or "(beside its partitions)")
        partitions = first if len(parts) == 1 else f"{first} and {len(parts) - 1:,} more"
        last = max(one.last for one in parts)
        sizes = sum(one.files for one in parts), sum(one.bytes for one in parts)
        rows.append((str(dataset), attempt, partitions, (now - last).days, *sizes))
    if rows:
        show_table(("dataset", "attempt", "partition", "days old", "files", "bytes"), rows)
    for upload in uploads:
        age = counted((now - upload.started).days, "day")
        say(f"An upload of {upload.path} was begun {age} ago and never finished")


def _sum(attempts: Sequence[Held], uploads: Sequence[Upload]) -> str:
    """Return in words how much there is of both."""
    names = counted(len(set(map(_attempt, attempts))), "attempt")
    files, size = counted(sum(one.files for one in attempts), "file"), sum(one.bytes for one in attempts)
    return f"{names} ({files}, {size:,} bytes), {counted(len(uploads), 'unfinished upload')}"


def _attempt(held: Held) -> tuple[Dataset, str]:
    return held.dataset, held.attempt
