"""The statements of Redshift that the warehouse runs itself, as values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple


class TableName(NamedTuple):
    """A table with its schema."""

    schema: str
    name: str

    def __str__(self) -> str:
        return f"{self.schema}.{self.name}"


class Column(NamedTuple):
    """A column and its type, as declared."""

    name: str
    type: str


@dataclass(frozen=True)
class CreateExternalSchema:
    """A schema whose tables the catalogue of a data lake describes."""

    schema: str
    database: str
    if_not_exists: bool


@dataclass(frozen=True)
class CreateExternalTable:
    """A table of Parquet files; partitioned by keys that are not in the files."""

    table: TableName
    columns: tuple[Column, ...]
    keys: tuple[Column, ...]
    location: str


@dataclass(frozen=True)
class DropTable:
    """A table that goes; the files of an external one stay."""

    table: TableName
    if_exists: bool


@dataclass(frozen=True)
class AddColumn:
    """A column that a table has from now on; null where the rows do not know it."""

    table: TableName
    column: Column


@dataclass(frozen=True)
class PartitionPlace:
    """The values of a partition by key, and where it lies."""

    values: dict[str, str]
    location: str


@dataclass(frozen=True)
class AddPartition:
    """Partitions that come into the catalogue."""

    table: TableName
    places: tuple[PartitionPlace, ...]
    if_not_exists: bool


@dataclass(frozen=True)
class DropPartition:
    """A partition that leaves the catalogue."""

    table: TableName
    values: dict[str, str]


@dataclass(frozen=True)
class SetLocation:
    """A partition, or a table without any, that lies elsewhere from now on."""

    table: TableName
    place: PartitionPlace


@dataclass(frozen=True)
class Lock:
    """Tables that one transaction has to itself until it ends."""

    tables: tuple[TableName, ...]


External = (
    CreateExternalSchema | CreateExternalTable | DropTable | AddColumn | AddPartition | DropPartition | SetLocation
)
Statement = External | Lock
