"""The statements that keep the external catalogue, as text.

Redshift binds no parameter in them, so values and locations are written as literals.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Set

from pipeline.core.errors import PipelineError
from pipeline.core.lake import Partition

# https://docs.aws.amazon.com/redshift/latest/dg/r_ALTER_TABLE_external-table.html
PARTITIONS_AT_ONCE = 100
# https://docs.aws.amazon.com/redshift/latest/dg/r_SVV_EXTERNAL_PARTITIONS.html: what is longer is cut off there.
LOCATION_SHOWN = 128


def add_partition_statement(table: str, locations: Mapping[Partition, str]) -> str:
    """Return the statement that adds up to 100 partitions, and leaves alone those that are there."""
    if not 1 <= len(locations) <= PARTITIONS_AT_ONCE:
        raise ValueError(f"1 to {PARTITIONS_AT_ONCE} partitions can be added at once, not {len(locations)}")
    clauses = [
        f"PARTITION ({_equality(partition)}) LOCATION {literal(location)}" for partition, location in locations.items()
    ]
    return f"ALTER TABLE {_name(table)} ADD IF NOT EXISTS {' '.join(clauses)}"


def set_location_statement(table: str, partition: Partition, location: str) -> str:
    """Return the statement that points a partition at another location."""
    return f"ALTER TABLE {_name(table)} PARTITION ({_equality(partition)}) SET LOCATION {literal(location)}"


def is_at(shown: str | None, location: str) -> bool:
    """Say whether a partition lies at a location, by what svv_external_partitions shows of where it lies.

    Raises PipelineError if that is too little to tell one attempt from another.
    """
    if shown is None or len(shown) != LOCATION_SHOWN:
        return shown == location
    # Without the partition, which ends it, a location ends with the attempt.
    attempt, _, _ = location.rpartition("/")
    if len(attempt) > LOCATION_SHOWN:
        raise PipelineError(
            f"{location} cannot be told from another attempt's, since Redshift shows {LOCATION_SHOWN} characters of"
            f" it: choose a [lake] root that is shorter by {len(attempt) - LOCATION_SHOWN}, and load the days again."
        )
    return location.startswith(shown)


def is_among(location: str, shown: Set[str]) -> bool:
    """Say whether a partition may lie at a location, by what svv_external_partitions shows of all of them."""
    return location in shown or location[:LOCATION_SHOWN] in shown


def literal(text: str) -> str:
    """Return a text as a literal of SQL. Raises ValueError at what Redshift would read otherwise."""
    return f"'{within_quotes(text)}'"


def within_quotes(text: str) -> str:
    """Return a text as it stands between quotes. Raises ValueError at what Redshift would read otherwise."""
    if not text or re.search(r"[\\\x00-\x1f\x7f]", text):
        raise ValueError(f"no text for SQL: {text!r}")
    return text.replace("'", "''")


def split_name(table: str) -> tuple[str, str]:
    """Return the schema and the name of a table given as schema.name."""
    if not re.fullmatch(r"[A-Za-z_]\w*\.[A-Za-z_]\w*", table, re.ASCII):
        raise ValueError(f"no schema.table: {table!r}")
    schema, _, name = table.partition(".")
    return schema, name


def _equality(partition: Partition) -> str:
    if not re.fullmatch(r"[A-Za-z_]\w*", partition.key, re.ASCII):
        raise ValueError(f"no partition key: {partition.key!r}")
    return f"{partition.key}={literal(partition.value)}"


def _name(table: str) -> str:
    return ".".join(split_name(table))
