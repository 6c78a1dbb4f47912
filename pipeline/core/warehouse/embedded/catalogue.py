"""The embedded warehouse's catalogue of external tables, kept in tables of the warehouse itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import duckdb
import sqlglot
from sqlglot import exp

from pipeline.core.errors import PipelineError
from pipeline.core.warehouse.embedded.literals import with_values
from pipeline.core.warehouse.statements import Column, TableName
from pipeline.core.warehouse.types import as_redshift_declares, redshift_type

CREATE = """
CREATE SCHEMA IF NOT EXISTS public;
CREATE SCHEMA IF NOT EXISTS catalogue;
CREATE TABLE IF NOT EXISTS catalogue.external_schema (schemaname VARCHAR, databasename VARCHAR);
CREATE TABLE IF NOT EXISTS catalogue.external_table (schemaname VARCHAR, tablename VARCHAR, location VARCHAR);
CREATE TABLE IF NOT EXISTS catalogue.external_column (
    schemaname VARCHAR, tablename VARCHAR, columnname VARCHAR, external_type VARCHAR,
    columnnum INTEGER, part_key INTEGER
);
CREATE TABLE IF NOT EXISTS catalogue.external_partition (
    schemaname VARCHAR, tablename VARCHAR, keys VARCHAR[], location VARCHAR
);
CREATE OR REPLACE VIEW main.svv_columns AS
SELECT
    columns.schema_name AS table_schema, columns.table_name, columns.column_name,
    CASE
        WHEN columns.data_type = 'VARCHAR' THEN 'character varying'
        WHEN columns.data_type LIKE 'DECIMAL%' THEN 'numeric'
        WHEN columns.data_type = 'FLOAT' THEN 'real'
        ELSE lower(columns.data_type)
    END AS data_type,
    CAST(nullif(regexp_extract(checks.constraint_text, 'strlen\\(.*\\) <= (\\d+)', 1), '') AS INTEGER)
        AS character_maximum_length,
    columns.numeric_precision, columns.numeric_scale
FROM duckdb_columns() AS columns
LEFT JOIN duckdb_constraints() AS checks
    ON columns.table_oid = checks.table_oid
    AND columns.database_name = checks.database_name
    AND checks.constraint_type = 'CHECK'
    AND list_contains(checks.constraint_column_names, columns.column_name)
WHERE columns.database_name = current_database() AND NOT columns.internal;
CREATE OR REPLACE VIEW main.svv_external_schemas AS
SELECT schemaname, databasename FROM catalogue.external_schema;
CREATE OR REPLACE VIEW main.svv_external_tables AS
SELECT schemaname, tablename, location FROM catalogue.external_table;
CREATE OR REPLACE VIEW main.svv_external_columns AS
SELECT schemaname, tablename, columnname, external_type, columnnum, part_key FROM catalogue.external_column;
CREATE OR REPLACE VIEW main.svv_external_partitions AS
SELECT schemaname, tablename, CAST(to_json(keys) AS VARCHAR) AS "values", location FROM catalogue.external_partition;
"""


@dataclass(frozen=True)
class ExternalTable:
    """A table as the catalogue has it; keys are the columns that partition it, and follow the others."""

    name: TableName
    location: str
    columns: tuple[Column, ...]
    keys: tuple[Column, ...]

    @property
    def all_columns(self) -> tuple[Column, ...]:
        return self.columns + self.keys


class Catalogue:
    """The external schemas, tables and partitions that one connection sees."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self.connection = connection

    def rows(self, sql: str, **values: Any) -> list[tuple]:
        """Return the rows of a query in DuckDB's SQL, whose parameters are written $name."""
        statement = with_values(sqlglot.parse_one(sql, read="duckdb"), values)
        return self.connection.execute(statement.sql("duckdb")).fetchall()

    def has_schema(self, schema: str) -> bool:
        return bool(self.rows("SELECT 1 FROM catalogue.external_schema WHERE schemaname = $schema", schema=schema))

    def find(self, name: TableName) -> ExternalTable | None:
        """Return an external table, or None if there is none of that name."""
        found = self.rows(
            "SELECT location FROM catalogue.external_table WHERE schemaname = $schema AND tablename = $name",
            **name._asdict(),
        )
        if not found:
            return None
        columns = self.rows(
            "SELECT columnname, external_type, part_key FROM catalogue.external_column"
            " WHERE schemaname = $schema AND tablename = $name ORDER BY columnnum",
            **name._asdict(),
        )
        plain = tuple(Column(column, kind) for column, kind, part_key in columns if not part_key)
        keys = tuple(Column(column, kind) for column, kind, part_key in columns if part_key)
        return ExternalTable(name, found[0][0], plain, keys)

    def table(self, name: TableName) -> ExternalTable:
        """Return an external table. Raises PipelineError if there is none of that name."""
        table = self.find(name)
        if table is None:
            raise PipelineError(f"The warehouse has no external table {name}. Its SQL belongs into sql/*/tables.sql.")
        return table


def cast(value: str, column: Column) -> str:
    """Return DuckDB's SQL for a value as a column of an external table."""
    return f"CAST({value} AS {duck_type(column)}) AS {quoted(column.name)}"


def quoted(name: str) -> str:
    """Return a name as DuckDB takes it whatever is in it."""
    return exp.to_identifier(name, quoted=True).sql("duckdb")


def duck_type(column: Column) -> str:
    """Return what DuckDB calls a column's type. Raises PipelineError if it has no such type."""
    return as_redshift_declares(redshift_type(column)).sql("duckdb")
