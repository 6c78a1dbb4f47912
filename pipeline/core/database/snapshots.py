"""Loads that replace all of a table: its rows are put beside it, and swapped in at the end.

The table is partitioned by a list and has one partition, the default one, which is what is swapped. So what depends on
the table stays, and who reads it waits for no longer than the swap takes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import IO, Any

import psycopg2
from psycopg2 import errorcodes
from psycopg2 import sql as names
from tenacity import Retrying, retry_if_exception, stop_after_delay, wait_random

from pipeline.core.database.copies import fill
from pipeline.core.database.fresh import analyze, attach, create, drop, fetched, index, named
from pipeline.core.database.halves import Halves
from pipeline.core.database.waiting import Query, busy
from pipeline.core.errors import CheckFailed
from pipeline.core.etl_load import Load
from pipeline.core.lake import Partition

NEWER = """
SELECT max(partition_key)
FROM public.etl_load
WHERE table_name = %(table)s AND attempt IS NOT NULL
"""
BELOW = """
SELECT relnamespace::regnamespace || '.' || relname
FROM pg_inherits
JOIN pg_class ON pg_class.oid = inhrelid
WHERE inhparent = to_regclass(%(table)s)
"""
# Who waits for the swap holds up all who come to read after it, so it gives way to those who read for long.
SWAP_WAIT = "100ms"
SWAP_PAUSE = wait_random(1, 2)


@dataclass(frozen=True)
class SnapshotLoad(Load):
    """One attempt to replace all of a table by what there is on a day."""

    # How many rows each COPY put into the new table: counting them there would hold up readers, who wait for the end.
    copied: list[int] = field(default_factory=list, init=False, compare=False)

    @property
    def fresh(self) -> str:
        """The name of the table that takes the place of what is there."""
        return f"{self.table}_{self.attempt.rpartition('-')[2]}"

    def empty(self, cursor: Any) -> None:
        """Leave the rows for readers until the swap. Raises CheckFailed if what is loaded is of a later day."""
        self.copied.clear()
        for partition in self.parts:
            refuse_earlier(partial(fetched, cursor), self.table, partition)

    def fill(self, cursor: Any, columns: Sequence[str], stream: IO[bytes]) -> None:
        """Copy CSV without a header into the new table."""
        self.copied.append(fill(cursor, self.fresh, columns, stream))

    def count(self, cursor: Any) -> dict[Partition, int]:
        return dict.fromkeys(self.parts, sum(self.copied))


def last_loaded(query: Query, table: str) -> str:
    """Return the partition of the last day that was loaded, or an empty text."""
    [(newest,)] = query(NEWER, {"table": table})
    return newest or ""


def refuse_earlier(query: Query, table: str, partition: Partition) -> None:
    """Raise CheckFailed if what is loaded is of a later day than a partition."""
    newest = last_loaded(query, table)
    if newest > str(partition):
        raise CheckFailed(
            f"{table} {partition}: what is loaded is of {newest}, which is later, and the table does not go back."
            " Nothing was changed in it; the rows of an earlier day are in the lake, once it was run."
        )


@contextmanager
def beside(cursor: Any, load: SnapshotLoad, wait_seconds: int, halves: Halves | None = None) -> Iterator[None]:
    """Make the new table of a load, empty; what it holds at the end takes the place of what is there.

    Where a second session copies a half, that is taken in too. Raises SourceUnavailable if others read the old rows
    for longer than `wait_seconds`.
    """
    create(cursor, load.fresh, load.table)
    yield
    index(cursor, load.fresh, load.table)
    analyze(cursor, load.fresh)
    fresh = halves.joined(cursor) if halves else load.fresh
    below = [old for (old,) in fetched(cursor, BELOW, {"table": load.table})]
    _swap(cursor, load.table, below, fresh, wait_seconds)


def _swap(cursor: Any, table: str, old: list[str], fresh: str, wait_seconds: int) -> None:
    """Put a table in the place of those below another, between two readers of that."""
    tries = Retrying(
        retry=retry_if_exception(_is_read),
        wait=SWAP_PAUSE,
        stop=stop_after_delay(wait_seconds),
        reraise=True,
    )
    [(before,)] = fetched(cursor, "SELECT current_setting('lock_timeout')")
    cursor.execute("SELECT set_config('lock_timeout', %s, true)", (SWAP_WAIT,))
    try:
        tries(lambda: _swap_once(cursor, table, old, fresh))
    except psycopg2.Error as error:
        if not _is_read(error):
            raise
        raise busy(partial(fetched, cursor), f"ALTER TABLE {table} DETACH {' '.join(old)}", wait_seconds) from error
    cursor.execute("SELECT set_config('lock_timeout', %s, true)", (before,))


def _swap_once(cursor: Any, table: str, old: list[str], fresh: str) -> None:
    cursor.execute("SAVEPOINT swap")
    try:
        for one in old:
            cursor.execute(names.SQL("ALTER TABLE {} DETACH PARTITION {}").format(named(table), named(one)))
            drop(cursor, one)
        attach(cursor, table, fresh, "DEFAULT")
    except psycopg2.Error:
        cursor.execute("ROLLBACK TO SAVEPOINT swap")
        raise


def _is_read(error: BaseException) -> bool:
    return isinstance(error, psycopg2.Error) and error.pgcode == errorcodes.LOCK_NOT_AVAILABLE
