"""What etl_load says of partitions of tables, and how it is asked."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

from pipeline.core.commits import Commit
from pipeline.core.lake import Input, Partition

STATES = """
SELECT partition_key, attempt, rerun_requested_at
FROM public.etl_load
WHERE table_name = %(table_name)s AND partition_key IN %(partition_keys)s
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


@dataclass(frozen=True)
class LoadState:
    """What etl_load says of one partition: nothing, or the attempt that loaded it and who wants it again."""

    attempt: str | None = None
    rerun_requested_at: datetime | None = None

    @property
    def is_complete(self) -> bool:
        return self.attempt is not None and self.rerun_requested_at is None


def row_keys(table: str, partitions: Iterable[Partition]) -> dict[str, Any]:
    """Return what finds the rows of partitions in etl_load."""
    return {"table_name": table, "partition_keys": tuple(map(str, partitions))}


def states_of(rows: Iterable[Sequence[Any]], partitions: Collection[Partition]) -> dict[Partition, LoadState]:
    """Return the rows of STATES as the state of each partition, also of those that have none."""
    found = {key: LoadState(attempt, requested_at) for key, attempt, requested_at in rows}
    return {partition: found.get(str(partition), LoadState()) for partition in partitions}


def read_states(cursor: Any, table: str, partitions: Collection[Partition]) -> dict[Partition, LoadState]:
    """Return the state of each partition, as a transaction sees it."""
    cursor.execute(STATES, row_keys(table, partitions))
    return states_of(cursor.fetchall(), partitions)


def commit_of(
    attempt: str, inputs: str | None, loaded_at: datetime, code: str, rows: int, asked_at: datetime | None
) -> Commit:
    """Return a row of COMMITS, without its key, as other stores keep a commit."""
    read = tuple(Input(**one) for one in json.loads(inputs or "[]"))
    made_at = loaded_at.replace(tzinfo=timezone.utc).isoformat(timespec="seconds")
    return Commit(attempt, read, made_at, code, {"written": rows}, asked_at is None)
