"""The transaction that replaces one partition of a table, for every database that has `public.etl_load`.

A partition of a table is complete when etl_load has its row. No key protects that (Redshift enforces none),
so the order of the transaction does: lock, look, delete, insert, mark, commit.
"""

from __future__ import annotations

import json
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict, dataclass, field
from datetime import datetime, timezone
from typing import Any, TypeVar

from pipeline.core.commits import Commit
from pipeline.core.errors import CommitLost, PipelineError, Retryable, SourceUnavailable
from pipeline.core.lake import Input, Partition
from pipeline.core.retries import retried

T = TypeVar("T")

STATE = """
SELECT attempt, rerun_requested_at
FROM public.etl_load
WHERE table_name = %(table_name)s AND partition_key = %(partition_key)s
"""

COMPLETE = """
SELECT partition_key
FROM public.etl_load
WHERE table_name = %(table_name)s AND attempt IS NOT NULL AND rerun_requested_at IS NULL
"""

# Keys of one kind are as long as each other, and in the order of time.
COMMITS = """
SELECT partition_key, attempt, inputs, loaded_at, code_version, row_count, rerun_requested_at
FROM public.etl_load
WHERE table_name = %(table_name)s AND attempt IS NOT NULL AND partition_key BETWEEN %(first)s AND %(last)s
"""

REQUEST_RERUN = """
UPDATE public.etl_load
SET rerun_requested_at = %(now)s
WHERE table_name = %(table_name)s AND partition_key = %(partition_key)s
"""

UNMARK = """
DELETE FROM public.etl_load
WHERE table_name = %(table_name)s AND partition_key = %(partition_key)s
"""

MARK = """
INSERT INTO public.etl_load (
    table_name, partition_key, attempt, inputs, row_count, code_version, task_id, loaded_at
)
VALUES (
    %(table_name)s, %(partition_key)s, %(attempt)s, %(inputs)s, %(row_count)s, %(code_version)s, %(task_id)s, %(now)s
)
"""


@dataclass(frozen=True)
class LoadState:
    """What etl_load says of one partition: nothing, or the attempt that loaded it and who wants it again."""

    attempt: str | None = None
    rerun_requested_at: datetime | None = None

    @property
    def is_complete(self) -> bool:
        return self.attempt is not None and self.rerun_requested_at is None


@dataclass(frozen=True)
class Load:
    """One attempt to replace one partition of a table; `seen` is what etl_load said when it began."""

    table: str
    partition: Partition
    attempt: str
    task_id: str
    code_version: str
    seen: LoadState = LoadState()
    inputs: tuple[Input, ...] = field(default=())

    def empty(self, cursor: Any) -> None:
        """Make the partition have no rows."""
        cursor.execute(delete_statement(self.table, self.partition), {"value": self.partition.parameter})

    def count(self, cursor: Any) -> int:
        """Return how many rows the partition has."""
        cursor.execute(count_statement(self.table, self.partition), {"value": self.partition.parameter})
        [(row_count,)] = cursor.fetchall()
        return row_count


class PartitionedTables(ABC):
    """What a database can do once it has transactions: replace partitions of tables, and tell which are complete."""

    @abstractmethod
    def transaction(self) -> AbstractContextManager[Any]:
        """Yield a cursor; commit at the end, roll back on an error."""

    @abstractmethod
    def query(self, sql: str, params: Any = None) -> list[tuple]:
        """Return all rows of a query."""

    def load_state(self, table: str, partition: Partition) -> LoadState:
        """Return what etl_load says of one partition."""
        return _state(self.query(STATE, _row_key(table, partition)))

    def loaded_partitions(self, table: str) -> set[str]:
        """Return the keys of the complete partitions of a table, such as `insert_date=2010-12-01`; one query."""
        return {key for (key,) in self.query(COMPLETE, {"table_name": table})}

    def commits(self, table: str, partitions: Collection[Partition]) -> dict[Partition, Commit]:
        """Return what etl_load records of those of the partitions that are loaded, complete or not; one query."""
        keys = {str(partition): partition for partition in partitions}
        params = {"table_name": table, "first": min(keys, default=""), "last": max(keys, default="")}
        rows = self.query(COMMITS, params)
        return {keys[key]: _commit(*values) for key, *values in rows if key in keys}

    def request_rerun(self, table: str, partition: Partition) -> None:
        """Make a loaded partition incomplete, keeping its rows until they are replaced.

        A load under way ends first. Raises PipelineError if the partition was never loaded.
        """
        retried(lambda: self._request_rerun(table, partition))

    def _request_rerun(self, table: str, partition: Partition) -> None:
        with self.transaction() as cursor:
            cursor.execute(lock_statement(table))
            if _read_state(cursor, table, partition).attempt is None:
                raise PipelineError(
                    f"{table} {partition} was never loaded, so there is nothing to do again. Run its task."
                )
            cursor.execute(REQUEST_RERUN, _row_key(table, partition) | {"now": _utc_now()})

    def load_partition(self, load: Load, write: Callable[[Any], T]) -> T:
        """Replace a partition by what `write` inserts with the cursor that it is given, and return what it returns.

        The transaction is tried again, and `write` with it, where the database asks for that. Raises CommitLost if
        another attempt completed the partition, SourceUnavailable if it changed otherwise.
        """
        written: list[T] = []

        def load_once() -> None:
            with self.loading(load) as cursor:
                written[:] = [write(cursor)]

        try:
            retried(load_once)
        except CommitLost:
            # A COMMIT may have gone through that could not be settled, because the database was away.
            if not written or self.load_state(load.table, load.partition).attempt != load.attempt:
                raise
        return written[0]

    @contextmanager
    def loading(self, load: Load) -> Iterator[Any]:
        """Yield a cursor into the emptied partition; what it inserts is committed with its row in etl_load.

        One transaction of load_partition, and its errors. Raises Retryable if it may be tried again at once.
        """
        is_marked = False
        try:
            with self.transaction() as cursor:
                _empty(cursor, load)
                yield cursor
                _mark(cursor, load)
                is_marked = True
        except Exception as error:
            # Once marked only COMMIT is left, and a connection lost in it says nothing of how it ended.
            if not is_marked or isinstance(error, Retryable):
                raise
            self._settle(load, error)

    def _settle(self, load: Load, error: Exception) -> None:
        """Return if the load is committed after all. Raises Retryable if not."""
        if self._settled_state(load).attempt != load.attempt:
            raise Retryable(
                f"{load.table} {load.partition}: the commit did not go through, and nothing was loaded. Run it again."
            ) from error

    def _settled_state(self, load: Load) -> LoadState:
        """Return what etl_load says once nobody is at a load of the table."""
        state = None
        try:
            with self.transaction() as cursor:
                # The server may still be at the COMMIT whose answer was lost, and holds the lock until it is done.
                cursor.execute(lock_statement(load.table))
                state = _read_state(cursor, load.table, load.partition)
        except PipelineError:
            # What was read under the lock holds, however the end of that look is answered.
            if state is None:
                raise
        return state


def lock_statement(table: str) -> str:
    """Return the statement that lets one transaction at a time change a table.

    It locks an empty table that nobody reads: LOCK is exclusive, and would hold up those who only look.
    """
    return f"LOCK TABLE {_quoted(f'{table}_etl_lock')}"


def delete_statement(table: str, partition: Partition) -> str:
    """Return the statement that empties a partition, whose parameter is `value`."""
    return f"DELETE FROM {_quoted(table)} WHERE {_quoted(partition.key)} = %(value)s"  # noqa: S608 - names are checked


def count_statement(table: str, partition: Partition) -> str:
    """Return the query for the number of rows of a partition, whose parameter is `value`."""
    return f"SELECT count(*) FROM {_quoted(table)} WHERE {_quoted(partition.key)} = %(value)s"  # noqa: S608 - names are checked


def _empty(cursor: Any, load: Load) -> None:
    # The snapshot is taken at the first read: a look before the lock would be stale.
    cursor.execute(lock_statement(load.table))
    now = _read_state(cursor, load.table, load.partition)
    if now.is_complete:
        raise CommitLost(f"{load.table} {load.partition}: attempt {now.attempt} loaded it already")
    if now != load.seen:
        raise SourceUnavailable(f"{load.table} {load.partition} was asked for again meanwhile. Run it again.")
    load.empty(cursor)


def _mark(cursor: Any, load: Load) -> None:
    row_count = load.count(cursor)
    key = _row_key(load.table, load.partition)
    cursor.execute(UNMARK, key)
    marks = {
        "attempt": load.attempt,
        "inputs": json.dumps([asdict(source) for source in load.inputs], sort_keys=True),
        "row_count": row_count,
        "code_version": load.code_version,
        "task_id": load.task_id,
        "now": _utc_now(),
    }
    cursor.execute(MARK, key | marks)


def _read_state(cursor: Any, table: str, partition: Partition) -> LoadState:
    cursor.execute(STATE, _row_key(table, partition))
    return _state(cursor.fetchall())


def _state(rows: Any) -> LoadState:
    return LoadState(*rows[0]) if rows else LoadState()


def _commit(
    attempt: str, inputs: str | None, loaded_at: datetime, code: str, rows: int, asked_at: datetime | None
) -> Commit:
    read = tuple(Input(**one) for one in json.loads(inputs or "[]"))
    made_at = loaded_at.replace(tzinfo=timezone.utc).isoformat(timespec="seconds")
    return Commit(attempt, read, made_at, code, {"written": rows}, asked_at is None)


def _row_key(table: str, partition: Partition) -> dict[str, Any]:
    return {"table_name": table, "partition_key": str(partition)}


def _quoted(name: str) -> str:
    """Return a table or column name as SQL; it may not hold anything but plain names with points between."""
    if not re.fullmatch(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*", name, re.ASCII):
        raise ValueError(f"no name of a table or column: {name!r}")
    return ".".join(f'"{part}"' for part in name.split("."))


def _utc_now() -> datetime:
    # etl_load's timestamps have no zone, as the same table has on Redshift.
    return datetime.now(timezone.utc).replace(tzinfo=None)
