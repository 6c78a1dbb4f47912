"""One attempt to replace partitions of a table: how they are emptied, counted and marked."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timezone
from typing import Any, TypeVar

from pipeline.core.errors import CommitLost, PipelineError, SourceUnavailable
from pipeline.core.etl_load.states import LoadState, read_states, row_keys
from pipeline.core.lake import Input, Partition

UNMARK = """
DELETE FROM public.etl_load
WHERE table_name = %(table_name)s AND partition_key IN %(partition_keys)s
"""

MARK = """
INSERT INTO public.etl_load (
    table_name, partition_key, attempt, inputs, row_count, code_version, task_id, loaded_at
)
VALUES {rows}
"""

L = TypeVar("L", bound="Load")


class LeftOut(Exception):
    """Some partitions of a load shall not be in it, and each says why: nothing of the transaction is kept.

    One that this attempt has loaded already has its number of rows.
    """

    def __init__(self, ends: Mapping[Partition, int | PipelineError]) -> None:
        super().__init__(*ends.values())
        self.ends = ends


@dataclass(frozen=True)
class Part:
    """One partition of a load: the task that makes it, what etl_load said when that began, and what it is made of."""

    task_id: str
    seen: LoadState = field(default_factory=LoadState)
    inputs: tuple[Input, ...] = ()


@dataclass(frozen=True)
class Load:
    """One attempt to replace partitions of a table, which have one key, in one transaction."""

    table: str
    attempt: str
    code_version: str
    parts: Mapping[Partition, Part]
    # How many rows each partition has, once it is marked.
    rows: dict[Partition, int] = field(default_factory=dict, init=False, compare=False)

    def __str__(self) -> str:
        first, *others = self.parts
        return f"{self.table} {first}" + (f" and {len(others)} more" if others else "")

    def left_out(self, ends: Mapping[Partition, int | PipelineError]) -> dict[Partition, int | PipelineError]:
        """Return how those of the partitions end that shall not be loaded: all, where what is wrong is of none."""
        stray = next((end for partition, end in ends.items() if partition not in self.parts), None)
        of_all = {} if stray is None else dict.fromkeys(self.parts, stray)
        return of_all | {partition: end for partition, end in ends.items() if partition in self.parts}

    def without(self: L, partitions: Collection[Partition]) -> list[L]:
        """Return the same attempt at the other partitions, if there are any."""
        others = [partition for partition in self.parts if partition not in partitions]
        return [self._only(others)] if others else []

    def halves(self: L) -> list[L]:
        """Return the same attempt at the first half of the partitions, and at the others; of one there is no half."""
        each, middle = list(self.parts), len(self.parts) // 2
        return [self._only(each[:middle]), self._only(each[middle:])] if middle else []

    def _only(self: L, partitions: Iterable[Partition]) -> L:
        return replace(self, parts={partition: self.parts[partition] for partition in partitions})

    def refuse_moved(self, cursor: Any) -> None:
        """Raise LeftOut with those partitions that are not what this attempt saw when it began."""
        states = read_states(cursor, self.table, self.parts)
        ends = {partition: self._end_of(partition, state) for partition, state in states.items()}
        moved = {partition: end for partition, end in ends.items() if end is not None}
        if moved:
            raise LeftOut(moved)

    def _end_of(self, partition: Partition, now: LoadState) -> int | PipelineError | None:
        if now.attempt == self.attempt and partition in self.rows:
            # A COMMIT went through that could not be settled, because the database was away.
            return self.rows[partition]
        if now.is_complete:
            return CommitLost(f"{self.table} {partition}: attempt {now.attempt} loaded it already")
        if now != self.parts[partition].seen:
            return SourceUnavailable(f"{self.table} {partition} was asked for again meanwhile. Run it again.")
        return None

    def empty(self, cursor: Any) -> None:
        """Make the partitions have no rows."""
        cursor.execute(delete_statement(self.table, self._key), self._values)

    def count(self, cursor: Any) -> dict[Partition, int]:
        """Return how many rows each partition has."""
        cursor.execute(count_statement(self.table, self._key), self._values)
        found = {str(value): count for value, count in cursor.fetchall()}
        return {partition: found.get(partition.value, 0) for partition in self.parts}

    def mark(self, cursor: Any) -> None:
        """Make etl_load say that the partitions are loaded, each with its rows."""
        self.rows.update(self.count(cursor))
        cursor.execute(UNMARK, row_keys(self.table, self.parts))
        now = utc_now()
        marks = {f"row_{number}": self._mark(partition, now) for number, partition in enumerate(self.parts)}
        cursor.execute(MARK.format(rows=", ".join(f"%({name})s" for name in marks)), marks)

    def _mark(self, partition: Partition, now: datetime) -> tuple[Any, ...]:
        part = self.parts[partition]
        inputs = json.dumps([asdict(source) for source in part.inputs], sort_keys=True)
        said = (self.attempt, inputs, self.rows[partition], self.code_version, part.task_id, now)
        return (self.table, str(partition), *said)

    @property
    def _key(self) -> str:
        [key] = {partition.key for partition in self.parts}
        return key

    @property
    def _values(self) -> dict[str, Any]:
        return {"values": tuple(partition.parameter for partition in self.parts)}


def lock_statement(table: str) -> str:
    """Return the statement that lets one transaction at a time change a table.

    It locks an empty table that nobody reads: LOCK is exclusive, and would hold up those who only look.
    """
    return f"LOCK TABLE {_quoted(f'{table}_etl_lock')}"


def delete_statement(table: str, key: str) -> str:
    """Return the statement that empties partitions of a table, whose parameter is `values`."""
    return f"DELETE FROM {_quoted(table)} WHERE {_quoted(key)} IN %(values)s"  # noqa: S608 - names are checked


def count_statement(table: str, key: str) -> str:
    """Return the query for the number of rows of partitions of a table, whose parameter is `values`."""
    column = _quoted(key)
    return f"SELECT {column}, count(*) FROM {_quoted(table)} WHERE {column} IN %(values)s GROUP BY {column}"  # noqa: S608 - names are checked


def _quoted(name: str) -> str:
    """Return a table or column name as SQL; it may not hold anything but plain names with points between."""
    if not re.fullmatch(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*", name, re.ASCII):
        raise ValueError(f"no name of a table or column: {name!r}")
    return ".".join(f'"{part}"' for part in name.split("."))


def utc_now() -> datetime:
    """Return the present as etl_load has it."""
    # etl_load's timestamps have no zone, as the same table has on Redshift.
    return datetime.now(timezone.utc).replace(tzinfo=None)
