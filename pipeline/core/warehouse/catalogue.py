"""The embedded warehouse's catalogue of external tables, kept in tables of the warehouse itself."""

from __future__ import annotations

from dataclasses import dataclass
from functools import singledispatchmethod
from typing import Any

import duckdb
from sqlglot import exp

from pipeline.core.errors import PipelineError
from pipeline.core.warehouse.grammar import (
    AddPartition,
    Column,
    CreateExternalSchema,
    CreateExternalTable,
    DropPartition,
    DropTable,
    External,
    SetLocation,
    TableName,
)

CREATE = """
CREATE SCHEMA IF NOT EXISTS public;
CREATE SCHEMA IF NOT EXISTS external_catalogue;
CREATE TABLE IF NOT EXISTS external_catalogue.created (hash VARCHAR);
CREATE TABLE IF NOT EXISTS external_catalogue.schema_ (schemaname VARCHAR, databasename VARCHAR);
CREATE TABLE IF NOT EXISTS external_catalogue.table_ (schemaname VARCHAR, tablename VARCHAR, location VARCHAR);
CREATE TABLE IF NOT EXISTS external_catalogue.column_ (
    schemaname VARCHAR, tablename VARCHAR, columnname VARCHAR, external_type VARCHAR,
    columnnum INTEGER, part_key INTEGER
);
CREATE TABLE IF NOT EXISTS external_catalogue.partition_ (
    schemaname VARCHAR, tablename VARCHAR, keys VARCHAR[], location VARCHAR
);
CREATE OR REPLACE VIEW main.svv_external_schemas AS
SELECT schemaname, databasename FROM external_catalogue.schema_;
CREATE OR REPLACE VIEW main.svv_external_tables AS
SELECT schemaname, tablename, location FROM external_catalogue.table_;
CREATE OR REPLACE VIEW main.svv_external_columns AS
SELECT schemaname, tablename, columnname, external_type, columnnum, part_key FROM external_catalogue.column_;
CREATE OR REPLACE VIEW main.svv_external_partitions AS
SELECT schemaname, tablename, CAST(to_json(keys) AS VARCHAR) AS "values", location FROM external_catalogue.partition_;
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

    def rows(self, sql: str, *values: Any) -> list[tuple]:
        return self.connection.execute(sql, values).fetchall()

    def has_schema(self, schema: str) -> bool:
        return bool(self.rows("SELECT 1 FROM external_catalogue.schema_ WHERE schemaname = ?", schema))

    def find(self, name: TableName) -> ExternalTable | None:
        """Return an external table, or None if there is none of that name."""
        found = self.rows(
            "SELECT location FROM external_catalogue.table_ WHERE schemaname = ? AND tablename = ?", *name
        )
        if not found:
            return None
        columns = self.rows(
            "SELECT columnname, external_type, part_key FROM external_catalogue.column_"
            " WHERE schemaname = ? AND tablename = ? ORDER BY columnnum",
            *name,
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

    @singledispatchmethod
    def run(self, statement: External) -> None:
        """Change the catalogue as a statement says; the caller makes it one transaction."""
        raise NotImplementedError(type(statement))

    @run.register
    def _(self, statement: CreateExternalSchema) -> None:
        if not self.has_schema(statement.schema):
            self.rows("INSERT INTO external_catalogue.schema_ VALUES (?, ?)", statement.schema, statement.database)
        elif not statement.if_not_exists:
            raise PipelineError(f"The external schema {statement.schema} already exists.")

    @run.register
    def _(self, statement: CreateExternalTable) -> None:
        schema, name = statement.table
        if not self.has_schema(schema):
            raise PipelineError(f"The warehouse has no external schema {schema} for the table {statement.table}.")
        if self.find(statement.table):
            raise PipelineError(f"The external table {statement.table} already exists.")
        self.rows("INSERT INTO external_catalogue.table_ VALUES (?, ?, ?)", schema, name, statement.location)
        for number, column in enumerate(statement.columns + statement.keys, start=1):
            duck_type(column)
            part_key = max(0, number - len(statement.columns))
            self.rows(
                "INSERT INTO external_catalogue.column_ VALUES (?, ?, ?, ?, ?, ?)",
                schema, name, column.name, column.type, number, part_key,
            )  # fmt: skip

    @run.register
    def _(self, statement: DropTable) -> None:
        if not statement.if_exists:
            self.table(statement.table)
        for kept in ("partition_", "column_", "table_"):
            self.rows(
                f"DELETE FROM external_catalogue.{kept} WHERE schemaname = ? AND tablename = ?",  # noqa: S608
                *statement.table,
            )

    @run.register
    def _(self, statement: AddPartition) -> None:
        table = self.table(statement.table)
        for place in statement.places:
            keys = self.key_values(table, place.values)
            if not self.has_partition(table, keys):
                self.rows(
                    "INSERT INTO external_catalogue.partition_ VALUES (?, ?, ?, ?)", *table.name, keys, place.location
                )
            elif not statement.if_not_exists:
                raise PipelineError(f"The external table {table.name} already has the partition {keys}.")

    @run.register
    def _(self, statement: DropPartition) -> None:
        table = self.table(statement.table)
        keys = self.existing(table, statement.values)
        self.rows(
            "DELETE FROM external_catalogue.partition_ WHERE schemaname = ? AND tablename = ? AND keys = ?",
            *table.name, keys,
        )  # fmt: skip

    @run.register
    def _(self, statement: SetLocation) -> None:
        table = self.table(statement.table)
        if not statement.place.values and not table.keys:
            self.rows(
                "UPDATE external_catalogue.table_ SET location = ? WHERE schemaname = ? AND tablename = ?",
                statement.place.location, *table.name,
            )  # fmt: skip
            return
        keys = self.existing(table, statement.place.values)
        self.rows(
            "UPDATE external_catalogue.partition_ SET location = ?"
            " WHERE schemaname = ? AND tablename = ? AND keys = ?",
            statement.place.location, *table.name, keys,
        )  # fmt: skip

    def has_partition(self, table: ExternalTable, keys: list[str]) -> bool:
        return bool(
            self.rows(
                "SELECT 1 FROM external_catalogue.partition_ WHERE schemaname = ? AND tablename = ? AND keys = ?",
                *table.name, keys,
            )
        )  # fmt: skip

    def existing(self, table: ExternalTable, values: dict[str, str]) -> list[str]:
        """Return a partition's values in the order of the keys. Raises PipelineError if it is not there."""
        keys = self.key_values(table, values)
        if not self.has_partition(table, keys):
            raise PipelineError(f"The external table {table.name} has no partition {values}.")
        return keys

    def key_values(self, table: ExternalTable, values: dict[str, str]) -> list[str]:
        """Return a partition's values in the order of the keys. Raises PipelineError where they do not fit."""
        if set(values) != {key.name for key in table.keys}:
            raise PipelineError(
                f"{table.name} is partitioned by {[key.name for key in table.keys]}, not {list(values)}."
            )
        for key in table.keys:
            try:
                self.rows(f"SELECT CAST(? AS {duck_type(key)})", values[key.name])
            except duckdb.ConversionException as error:
                raise PipelineError(f"{table.name}: {values[key.name]!r} is no {key.type} for {key.name}.") from error
        return [values[key.name] for key in table.keys]


def duck_type(column: Column) -> str:
    """Return what DuckDB calls a column's type. Raises PipelineError if it has no such type."""
    try:
        return exp.DataType.build(column.type, dialect="redshift").sql("duckdb")
    except ValueError as error:
        raise PipelineError(f"The type {column.type} of the column {column.name} is not supported.") from error
