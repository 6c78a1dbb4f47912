"""What a database with `public.etl_load` can do: replace partitions of tables, and tell which are complete."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from typing import Any, TypeVar

from pipeline.core.commits import Commit
from pipeline.core.errors import PipelineError, Retryable, SettingError, SourceUnavailable
from pipeline.core.etl_load.load import LeftOut, Load, lock_statement, utc_now
from pipeline.core.etl_load.states import (
    COMMITS,
    COMPLETE,
    STATES,
    LoadState,
    commit_of,
    read_states,
    row_keys,
    states_of,
)
from pipeline.core.lake import Partition
from pipeline.core.retries import retried

REQUEST_RERUN = """
UPDATE public.etl_load
SET rerun_requested_at = %(now)s
WHERE table_name = %(table_name)s AND partition_key IN %(partition_keys)s
"""
# Two partitions of a hundred that no statement gets over are found by that many.
FAILURES = 16

L = TypeVar("L", bound=Load)
# How many rows a partition has, or what kept it from being loaded.
Loaded = int | PipelineError


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
        return self.load_states(table, [partition])[partition]

    def load_states(self, table: str, partitions: Collection[Partition]) -> dict[Partition, LoadState]:
        """Return what etl_load says of each of the partitions; one query."""
        return states_of(self.query(STATES, row_keys(table, partitions)), partitions)

    def loaded_partitions(self, table: str) -> set[str]:
        """Return the keys of the complete partitions of a table, such as `insert_date=2010-12-01`; one query."""
        return {key for (key,) in self.query(COMPLETE, {"table_name": table})}

    def commits(self, table: str, partitions: Collection[Partition]) -> dict[Partition, Commit]:
        """Return what etl_load records of those of the partitions that are loaded, complete or not; one query."""
        keys = {str(partition): partition for partition in partitions}
        params = {"table_name": table, "first": min(keys, default=""), "last": max(keys, default="")}
        rows = self.query(COMMITS, params)
        return {keys[key]: commit_of(*values) for key, *values in rows if key in keys}

    def request_rerun(self, table: str, partition: Partition) -> None:
        """Make a loaded partition incomplete, keeping its rows until they are replaced.

        A load under way ends first. Raises PipelineError if the partition was never loaded.
        """
        retried(lambda: self._request_rerun(table, partition))

    def _request_rerun(self, table: str, partition: Partition) -> None:
        with self.transaction() as cursor:
            cursor.execute(lock_statement(table))
            if read_states(cursor, table, [partition])[partition].attempt is None:
                raise PipelineError(
                    f"{table} {partition} was never loaded, so there is nothing to do again. Run its task."
                )
            cursor.execute(REQUEST_RERUN, row_keys(table, [partition]) | {"now": utc_now()})

    def load_partition(self, load: L, write: Callable[[Any, L], None]) -> int:
        """Return how many rows the only partition of a load has now. Raises what keeps it from being loaded."""
        [end] = self.load_partitions(load, write).values()
        if isinstance(end, PipelineError):
            raise end
        return end

    def load_partitions(self, load: L, write: Callable[[Any, L], None]) -> dict[Partition, Loaded]:
        """Replace the partitions of a load by what `write` inserts, and return how many rows each has now.

        One that cannot be loaded has an error, and the others are loaded without it: CommitLost if another attempt
        completed it, SourceUnavailable if it changed otherwise, and what `write` says of it by LeftOut. A statement
        that fails for many is run for each half of them, for a while. The transaction is tried again, and `write` with
        it, where the database asks for that.
        """
        ends: dict[Partition, Loaded] = {}
        due, failures = [load], 0
        while due:
            now = due.pop()
            try:
                ends |= retried(partial(self._load_once, now, write))
            except LeftOut as error:
                left_out = now.left_out(error.ends)
                ends |= left_out
                due += now.without(left_out)
            except PipelineError as error:
                failures += 1
                if not _may_be_of_one(error) or failures == FAILURES:
                    return ends | {partition: error for one in (now, *due) for partition in one.parts}
                due += reversed(now.halves())
                ends |= dict.fromkeys(now.parts, error)
        return ends

    def _load_once(self, load: L, write: Callable[[Any, L], None]) -> dict[Partition, int]:
        with self.loading(load) as cursor:
            write(cursor, load)
        return load.rows

    @contextmanager
    def loading(self, load: Load) -> Iterator[Any]:
        """Yield a cursor into the emptied partitions; what it inserts is committed with their rows in etl_load.

        One transaction of load_partitions. Raises LeftOut if some partitions are not what they were, Retryable if it
        may be tried again at once.
        """
        is_marked = False
        try:
            with self.transaction() as cursor:
                # The snapshot is taken at the first read: a look before the lock would be stale.
                cursor.execute(lock_statement(load.table))
                load.refuse_moved(cursor)
                load.empty(cursor)
                yield cursor
                load.mark(cursor)
                is_marked = True
        except Exception as error:
            # Once marked only COMMIT is left, and a connection lost in it says nothing of how it ended.
            if not is_marked or isinstance(error, Retryable):
                raise
            self._settle(load, error)

    def _settle(self, load: Load, error: Exception) -> None:
        """Return if the load is committed after all. Raises Retryable if not."""
        states = self._settled_states(load)
        # It was committed as a whole, and another may have replaced a part of it since.
        if all(state.attempt != load.attempt for state in states.values()):
            raise Retryable(f"{load}: the commit did not go through, and nothing was loaded. Run it again.") from error

    def _settled_states(self, load: Load) -> dict[Partition, LoadState]:
        """Return what etl_load says once nobody is at a load of the table."""
        states = None
        try:
            with self.transaction() as cursor:
                # The server may still be at the COMMIT whose answer was lost, and holds the lock until it is done.
                cursor.execute(lock_statement(load.table))
                states = read_states(cursor, load.table, load.parts)
        except PipelineError:
            # What was read under the lock holds, however the end of that look is answered.
            if states is None:
                raise
        return states


def _may_be_of_one(error: PipelineError) -> bool:
    """Say whether a statement may have failed because of one partition, so that others can be loaded without it."""
    return not isinstance(error, (SourceUnavailable, SettingError))
