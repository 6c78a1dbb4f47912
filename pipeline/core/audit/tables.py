"""Whether the tables hold the rows that etl_load says, made of what is committed."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from pipeline.core.audit.findings import Finding, Kind, Subject
from pipeline.core.audit.inputs import input_findings
from pipeline.core.audit.world import World, day_of
from pipeline.core.database import database
from pipeline.core.etl_load import PartitionedTables
from pipeline.core.lake import Input, Partition
from pipeline.core.lake.manifest import DATE_KEY
from pipeline.core.retries import retried
from pipeline.core.tasks import QueriedTable, SnapshotTable
from pipeline.core.warehouse import warehouse
from pipeline.core.warehouse.external import split_name

Table = type[QueriedTable] | type[SnapshotTable]

LOADS = """
SELECT partition_key, row_count, inputs, rerun_requested_at
FROM public.etl_load
WHERE table_name = %(table_name)s AND attempt IS NOT NULL
ORDER BY partition_key
"""
IS_MADE = "SELECT to_regclass('public.etl_load') IS NOT NULL"


class Loaded(NamedTuple):
    """What etl_load says of a partition."""

    partition: str
    rows: int
    inputs: str | None
    rerun_requested_at: datetime | None

    @property
    def day(self) -> Partition | None:
        return day_of(self.partition.removeprefix(f"{DATE_KEY}="))


def table_findings(task: type[QueriedTable], world: World) -> Iterator[Finding]:
    """Yield which partitions of a table are not as etl_load says, by two queries of one transaction."""
    loads, counts = _read(warehouse(), task.table, *_counts(task, world))
    known = {one.day: one for one in loads if one.day}
    held = {day: count for value, count in counts if (day := day_of(value))}
    yield from _of_no_day(task, [value for value, _ in counts], loads)
    for partition in world.wanted(task, {*known, *held}):
        subject, count = Subject(task, task.table, partition), held.get(partition, 0)
        if partition not in known:
            remedy = f"Look who inserted them, and replace them: {subject.run}"
            yield subject.finding(Kind.TABLE_UNKNOWN, "no row, as etl_load has none of it", _rows(count), remedy)
            continue
        yield from _load_findings(subject, known[partition], count, world)
    yield from _twice(task, loads, world)


def snapshot_findings(task: type[SnapshotTable], world: World) -> Iterator[Finding]:
    """Yield how a table that is replaced as a whole is not what etl_load says of the day that it holds."""
    [(is_made,)] = database().query(IS_MADE)
    if not is_made:
        # By `lakeshift migrate`, which a pipeline of the warehouse alone does not need.
        return
    loads, [(count,)] = _read(database(), task.table, f"SELECT count(*) FROM {_quoted(task.table)}")  # noqa: S608 - a name
    if not loads:
        if count:
            remedy = "Look who inserted them: the next load replaces them"
            yield Finding(Kind.TABLE_UNKNOWN, task.table, "", "no row, as etl_load has none", _rows(count), remedy)
        return
    # What an earlier day put there is gone.
    newest = loads[-1]
    for partition in world.wanted(task, [newest.day] if newest.day else []):
        yield from _load_findings(Subject(task, task.table, partition), newest, count, world)
    yield from _twice(task, loads, world)


def _load_findings(subject: Subject, load: Loaded, count: int, world: World) -> Iterator[Finding]:
    world.looked["table partition"] += 1
    if count != load.rows:
        expected = f"{_rows(load.rows)}, as etl_load has it"
        yield subject.finding(Kind.TABLE_ROWS, expected, _rows(count), subject.again)
    try:
        inputs = [Input(**one) for one in json.loads(load.inputs or "")]
    except (ValueError, TypeError) as error:
        yield subject.finding(Kind.INPUT_UNKNOWN, "a list of inputs in etl_load", str(error), subject.again)
    else:
        yield from input_findings(subject, inputs, subject.again, world)
    if load.rerun_requested_at:
        asked = f"a request of {load.rerun_requested_at:%Y-%m-%d %H:%M} UTC to load it again"
        yield subject.finding(Kind.RERUN, "no open request", asked, subject.run)


def _twice(task: Table, loads: Sequence[Loaded], world: World) -> Iterator[Finding]:
    rows = Counter(one.day for one in loads if one.day)
    for partition in world.wanted(task, (one for one, count in rows.items() if count > 1)):
        subject = Subject(task, task.table, partition)
        yield subject.finding(Kind.TABLE_TWICE, "one row in etl_load", f"{rows[partition]}", subject.again)


def _of_no_day(task: Table, values: Sequence[Any], loads: Sequence[Loaded]) -> Iterator[Finding]:
    """Yield what no load would replace."""
    remedy = "Look who inserted them, and delete them: no load replaces them"
    for value in (value for value in values if day_of(value) is None):
        yield Finding(Kind.TABLE_UNKNOWN, task.table, "", f"a day in each row's {DATE_KEY}", f"{value}", remedy)
    for one in (one for one in loads if one.day is None):
        yield Finding(Kind.TABLE_UNKNOWN, task.table, one.partition, "days in etl_load", "no day", remedy)


def _counts(task: type[QueriedTable], world: World) -> tuple[str, dict[str, Any]]:
    """Return the query of the number of rows of each partition that is looked at, and its parameters."""
    where, parameters = "", {}
    if days := sorted(world.days(task)):
        where = f'WHERE "{DATE_KEY}" BETWEEN %(first)s AND %(last)s'
        parameters = {"first": days[0].parameter, "last": days[-1].parameter}
    table = _quoted(task.table)
    return f'SELECT "{DATE_KEY}", count(*) FROM {table} {where} GROUP BY "{DATE_KEY}"', parameters  # noqa: S608 - a name


def _read(
    tables: PartitionedTables, table: str, counts: str, parameters: Mapping[str, Any] | None = None
) -> tuple[list[Loaded], list[tuple]]:
    """Return what etl_load has of a table, and what counts its rows, both as one transaction sees them."""

    def once() -> tuple[list[Loaded], list[tuple]]:
        with tables.transaction() as cursor:
            cursor.execute(LOADS, {"table_name": table})
            loads = [Loaded(*row) for row in cursor.fetchall()]
            cursor.execute(counts, parameters)
            return loads, [tuple(row) for row in cursor.fetchall()]

    return retried(once)


def _quoted(table: str) -> str:
    schema, name = split_name(table)
    return f'"{schema}"."{name}"'


def _rows(count: int | None) -> str:
    return "no number of rows" if count is None else "1 row" if count == 1 else f"{count:,} rows"
