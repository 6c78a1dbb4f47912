"""Reads the statements of Redshift about external schemas, tables and partitions, and LOCK.

sqlglot knows them only as opaque text. Whatever is in them is understood here, or refused.
"""

from __future__ import annotations

from pipeline.core.warehouse.reader import Reader
from pipeline.core.warehouse.statements import (
    AddColumn,
    AddPartition,
    Column,
    CreateExternalSchema,
    CreateExternalTable,
    DropPartition,
    DropTable,
    External,
    Lock,
    PartitionPlace,
    SetLocation,
    Statement,
    TableName,
)


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
    if reader.take("ADD", "COLUMN"):
        column = _column(reader)
        return None if reader.rest else AddColumn(table, column)
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
