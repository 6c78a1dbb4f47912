"""Makes the schemas and tables of a warehouse those that sql/ declares: what is missing is created or added."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from pipeline.core.columns import Change, Types, compare
from pipeline.core.errors import CheckFailed, PipelineError, Retryable
from pipeline.core.sql_files import read_sql, table_files
from pipeline.core.sql_text import opening, statements
from pipeline.core.warehouse.base import Cursor
from pipeline.core.warehouse.declared import Declared, declared_table, type_of_catalogue, type_of_column, types
from pipeline.core.warehouse.grammar import parse
from pipeline.core.warehouse.lakes import located
from pipeline.core.warehouse.statements import Column, CreateExternalSchema, TableName

# https://docs.aws.amazon.com/redshift/latest/dg/r_SVV_COLUMNS.html
COLUMNS = """
SELECT column_name, data_type, character_maximum_length, numeric_precision, numeric_scale
FROM svv_columns
WHERE table_schema = %(schema)s AND table_name = %(name)s
"""
EXTERNAL_COLUMNS = """
SELECT columnname, external_type
FROM svv_external_columns
WHERE schemaname = %(schema)s AND tablename = %(name)s
"""
EXTERNAL_SCHEMA = "SELECT databasename FROM svv_external_schemas WHERE schemaname = %(schema)s"


class Remedy(NamedTuple):
    """What to do about a table that differs so that no column can be added to mend it."""

    plain: str
    external: str


def create(cursor: Cursor, due: Sequence[Change], remedy: Remedy) -> None:
    """Make what is due, with a cursor outside a transaction."""
    for change in due:
        try:
            cursor.execute(change.sql)
        except Retryable:
            raise
        except PipelineError:
            # Another process may have been faster, and then it is not due any more.
            if change in changes(cursor, remedy):
                raise


def changes(cursor: Cursor, remedy: Remedy) -> list[Change]:
    """Return what is due in a warehouse, in order. Raises CheckFailed where no column can be added to mend a table."""
    existing = _Existing(cursor)
    return [
        change
        for file in table_files()
        for statement in statements(located(read_sql(file)))
        for change in _due(existing, statement, file, remedy)
    ]


class _Existing:
    """What a warehouse has."""

    def __init__(self, cursor: Cursor) -> None:
        self.cursor = cursor

    def database(self, schema: str) -> str | None:
        """Return the database of an external schema, or None if there is no such schema."""
        self.cursor.execute(EXTERNAL_SCHEMA, {"schema": schema})
        found = self.cursor.fetchone()
        return found[0] if found else None

    def columns(self, declared: Declared) -> Types:
        """Return the types of a table's columns; none if there is no such table."""
        self.cursor.execute(EXTERNAL_COLUMNS if declared.is_external else COLUMNS, declared.table._asdict())
        rows = self.cursor.fetchall()
        if declared.is_external:
            return types(Column(name, type_of_catalogue(kind)) for name, kind in rows)
        found = types(Column(name, type_of_column(*about)) for name, *about in rows)
        return {name: _limited(kind, declared.columns.get(name, kind)) for name, kind in found.items()}


def _limited(found: str, declared: str) -> str:
    # DuckDB cannot limit the length of a column that is added to a table; in Redshift every text has a limit.
    return declared if found == "VARCHAR" and declared.startswith("VARCHAR(") else found


def _due(existing: _Existing, statement: str, file: str, remedy: Remedy) -> Iterator[Change]:
    external = parse(statement)
    declared = declared_table(statement)
    if isinstance(external, CreateExternalSchema):
        yield from _due_schema(existing, external, statement, file)
    elif declared is None:
        # Whatever else is in these files can be run again: CREATE OR REPLACE VIEW, GRANT.
        yield Change(statement, f"ran {opening(statement)}")
    elif found := existing.columns(declared):
        yield from _due_columns(declared, found, file, remedy)
    else:
        yield Change(statement, f"created {declared.table}")


def _due_schema(existing: _Existing, schema: CreateExternalSchema, statement: str, file: str) -> Iterator[Change]:
    found = existing.database(schema.schema)
    if found is None:
        yield Change(statement, f"created the external schema {schema.schema}")
    elif found != schema.database:
        raise CheckFailed(
            f"The external schema {schema.schema} is not as sql/{file} declares it: it is of the database {found}, and"
            f" declared as of {schema.database}. DROP SCHEMA it, and run lakeshift migrate."
        )


def _due_columns(declared: Declared, found: Types, file: str, remedy: Remedy) -> Iterator[Change]:
    missing, differences = compare(found, declared.columns)
    differences += [f"{key} is missing, and declared as a partition key" for key in declared.keys & missing.keys()]
    if differences:
        raise CheckFailed(
            f"{declared.table} is not as sql/{file} declares it: {'; '.join(differences)}."
            f" {remedy.external if declared.is_external else remedy.plain}."
        )
    for name, kind in missing.items():
        yield Change(_add_column(declared.table, name, kind), f"added {name} {kind} to {declared.table}")


def _add_column(table: TableName, name: str, kind: str) -> str:
    return f'ALTER TABLE {table} ADD COLUMN "{name}" {kind}'
