"""The statements of Redshift about external schemas, tables and partitions, and LOCK, as values.

sqlglot knows them only as opaque text, so they are read here, and whatever is in them is understood or refused.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple, TypeVar

from pipeline.core.errors import PipelineError
from pipeline.core.warehouse.files import opening, words

T = TypeVar("T")


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


External = CreateExternalSchema | CreateExternalTable | DropTable | AddPartition | DropPartition | SetLocation
Statement = External | Lock


def parse(statement: str) -> Statement | None:
    """Return a statement that the warehouse runs itself, or None. Raises PipelineError at a malformed one."""
    reader = Reader(statement)
    if reader.take("LOCK"):
        return _lock(reader)
    if reader.take("CREATE", "EXTERNAL", "SCHEMA"):
        return _create_schema(reader)
    if reader.take("CREATE", "EXTERNAL", "TABLE"):
        return _create_table(reader)
    if reader.take("DROP", "TABLE"):
        return _drop_table(reader)
    if reader.take("ALTER", "TABLE"):
        return _alter(reader)
    return None


class Reader:
    """Reads a statement word by word."""

    def __init__(self, statement: str) -> None:
        self.statement = statement
        self.rest = words(statement)

    def take(self, *expected: str) -> bool:
        """Return whether the next words are these, and step over them if so."""
        found = [word.upper() for word in self.rest[: len(expected)]]
        if found != list(expected):
            return False
        del self.rest[: len(expected)]
        return True

    def expect(self, *expected: str) -> None:
        if not self.take(*expected):
            self.refuse(f"expected {' '.join(expected)}")

    def next(self) -> str:
        return self.rest.pop(0) if self.rest else self.refuse("it ends too early")

    def name(self) -> str:
        word = self.next()
        if word.startswith('"'):
            return word[1:-1].replace('""', '"').lower()
        return word.lower() if word.isidentifier() else self.refuse(f"expected a name, not {word}")

    def table(self) -> TableName:
        first = self.name()
        return TableName(first, self.name()) if self.take(".") else TableName("public", first)

    def text(self) -> str:
        word = self.next()
        if not word.startswith("'"):
            self.refuse(f"expected a text in quotes, not {word}")
        return word[1:-1].replace("''", "'")

    def list(self, item: Callable[[], T]) -> tuple[T, ...]:
        """Return the items between the next parentheses."""
        self.expect("(")
        items = [item()]
        while self.take(","):
            items.append(item())
        self.expect(")")
        return tuple(items)

    def end(self) -> None:
        if self.rest:
            self.refuse(f"{' '.join(self.rest[:4])} is not supported here")

    def refuse(self, reason: str):
        raise PipelineError(f"{opening(self.statement)}: {reason}. The embedded warehouse refuses the statement.")


def _lock(reader: Reader) -> Lock:
    reader.take("TABLE")
    tables = [reader.table()]
    while reader.take(","):
        tables.append(reader.table())
    reader.end()
    return Lock(tuple(tables))


def _create_schema(reader: Reader) -> CreateExternalSchema:
    if_not_exists = reader.take("IF", "NOT", "EXISTS")
    schema = reader.name()
    reader.expect("FROM", "DATA", "CATALOG", "DATABASE")
    database = reader.text()
    if reader.take("REGION"):
        reader.text()
    if reader.take("IAM_ROLE") and not reader.take("DEFAULT"):
        reader.text()
    reader.take("CREATE", "EXTERNAL", "DATABASE", "IF", "NOT", "EXISTS")
    reader.end()
    return CreateExternalSchema(schema, database, if_not_exists)


def _create_table(reader: Reader) -> CreateExternalTable:
    table = reader.table()
    columns = reader.list(lambda: _column(reader))
    keys = reader.list(lambda: _column(reader)) if reader.take("PARTITIONED", "BY") else ()
    reader.expect("STORED", "AS", "PARQUET")
    reader.expect("LOCATION")
    location = reader.text()
    reader.end()
    return CreateExternalTable(table, columns, keys, location)


def _column(reader: Reader) -> Column:
    name = reader.name()
    kind = reader.next()
    while reader.rest and reader.rest[0] not in (",", ")", "("):
        kind += f" {reader.next()}"
    if reader.rest[:1] == ["("]:
        kind += f"({', '.join(reader.list(reader.next))})"
    return Column(name, kind.lower())


def _drop_table(reader: Reader) -> DropTable | None:
    if_exists = reader.take("IF", "EXISTS")
    table = reader.table()
    return None if reader.rest else DropTable(table, if_exists)


def _alter(reader: Reader) -> External | None:
    table = reader.table()
    if reader.take("ADD", "IF", "NOT", "EXISTS", "PARTITION"):
        return _add(reader, table, if_not_exists=True)
    if reader.take("ADD", "PARTITION"):
        return _add(reader, table, if_not_exists=False)
    if reader.take("DROP", "PARTITION"):
        values = _values(reader)
        reader.end()
        return DropPartition(table, values)
    values = _values(reader) if reader.take("PARTITION") else {}
    if not reader.take("SET", "LOCATION"):
        return None
    location = reader.text()
    reader.end()
    return SetLocation(table, PartitionPlace(values, location))


def _add(reader: Reader, table: TableName, if_not_exists: bool) -> AddPartition:
    places = [_place(reader)]
    while reader.take("PARTITION"):
        places.append(_place(reader))
    reader.end()
    return AddPartition(table, tuple(places), if_not_exists)


def _place(reader: Reader) -> PartitionPlace:
    values = _values(reader)
    reader.expect("LOCATION")
    return PartitionPlace(values, reader.text())


def _values(reader: Reader) -> dict[str, str]:
    return dict(reader.list(lambda: _equality(reader)))


def _equality(reader: Reader) -> tuple[str, str]:
    key = reader.name()
    reader.expect("=")
    return key, reader.text() if reader.rest[:1] and reader.rest[0].startswith("'") else reader.next()
