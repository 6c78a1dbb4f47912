"""The partitions of external tables: where the catalogue says that they lie, and making it say otherwise."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from pipeline.core.errors import JobFailed, PipelineError, Retryable, SettingError
from pipeline.core.lake import Partition
from pipeline.core.warehouse.external import (
    PARTITIONS_AT_ONCE,
    add_partition_statement,
    is_at,
    set_location_statement,
    split_name,
)

if TYPE_CHECKING:
    from pipeline.core.warehouse.base import Cursor

LOCATIONS = """
SELECT "values", location
FROM svv_external_partitions
WHERE schemaname = %(schema)s AND tablename = %(name)s
"""
NAMED = 3


class PartlyRefused(PipelineError):
    """Look at the partitions that it names: they were not set, and all others were."""

    def __init__(self, table: str, errors: Mapping[Partition, PipelineError], asked: int) -> None:
        self.errors = errors
        named = [f"{partition}: {error}" for partition, error in list(errors.items())[:NAMED]]
        more = f" And {len(errors) - NAMED} more." if len(errors) > NAMED else ""
        super().__init__(f"{len(errors)} of {asked} partitions of {table} were not set: {' '.join(named)}{more}")


def external_partitions(cursor: Cursor, table: str, partitions: Collection[Partition] = ()) -> dict[str, str]:
    """Return the location of each partition of an external table, or of those given, as a transaction sees them.

    Each is there by its value.
    """
    cursor.execute(*locations_query(table, partitions))
    return located(cursor.fetchall())


def locations_query(table: str, partitions: Collection[Partition] = ()) -> tuple[str, dict[str, str]]:
    """Return the query of the partitions of an external table, or of some and a few others, and its parameters."""
    schema, name = split_name(table)
    # An _ in a value stands for any sign here: what else it lets in is left out by its value.
    likes = {f"like_{number}": f'%"{partition.value}"%' for number, partition in enumerate(partitions)}
    of_values = " OR ".join(f'"values" LIKE %({like})s' for like in likes)
    return LOCATIONS + (f"AND ({of_values})\n" if likes else ""), {"schema": schema, "name": name, **likes}


def located(rows: Iterable[Sequence[str]]) -> dict[str, str]:
    """Return the rows of that query as a location for each value."""
    return {_only_value(values): location for values, location in rows}


def set_partitions(cursor: Cursor, table: str, locations: Mapping[Partition, str]) -> None:
    """Make partitions point at their locations. Raises PartlyRefused with those that are refused, when all are done."""
    known = external_partitions(cursor, table)
    missing = [partition for partition in locations if partition.value not in known]
    errors: dict[Partition, PipelineError] = {}
    for start in range(0, len(missing), PARTITIONS_AT_ONCE):
        errors |= _add(cursor, table, {each: locations[each] for each in missing[start : start + PARTITIONS_AT_ONCE]})
    # Another run may have added one meanwhile, and ADD IF NOT EXISTS leaves it as it is.
    known = external_partitions(cursor, table)
    for partition, location in locations.items():
        if partition not in errors and (error := _move(cursor, table, partition, location, known)):
            errors[partition] = error
    if errors:
        raise PartlyRefused(table, errors, len(locations))


def _add(cursor: Cursor, table: str, locations: Mapping[Partition, str]) -> dict[Partition, PipelineError]:
    """Add up to a hundred partitions, and return those that are refused."""
    error = _refusal(cursor, add_partition_statement(table, locations))
    if not error:
        return {}
    if len(locations) == 1:
        return dict.fromkeys(locations, error)
    # One that is refused keeps out all of its statement.
    refused: dict[Partition, PipelineError] = {}
    for partition, location in locations.items():
        refused |= _add(cursor, table, {partition: location})
    return refused


def _move(
    cursor: Cursor, table: str, partition: Partition, location: str, known: Mapping[str, str]
) -> PipelineError | None:
    """Point a partition that was added at its location, and return what refuses that."""
    shown = known.get(partition.value)
    if shown is None:
        return _not_shown(table)
    return None if is_at(shown, location) else _refusal(cursor, set_location_statement(table, partition, location))


def _refusal(cursor: Cursor, sql: str) -> PipelineError | None:
    try:
        cursor.execute(sql)
    except (Retryable, JobFailed):
        # The whole is tried again, or took as long as a statement may: no reason to begin a hundred such.
        raise
    except PipelineError as error:
        return error
    return None


def _not_shown(table: str) -> SettingError:
    # https://docs.aws.amazon.com/redshift/latest/dg/r_SVV_EXTERNAL_PARTITIONS.html
    schema, _ = split_name(table)
    return SettingError(
        f"it was added to {table}, and svv_external_partitions does not show it to this user of [warehouse]:"
        f" GRANT USAGE ON SCHEMA {schema} to that user, or load as the user that ran lakeshift migrate."
    )


def _only_value(values: str) -> str:
    """Return the value in a JSON list of one, as svv_external_partitions gives it."""
    [value] = json.loads(values)
    return value
