"""Changes the embedded warehouse's catalogue as the statements of Redshift say."""

from __future__ import annotations

from functools import singledispatch

import duckdb

from pipeline.core.errors import PipelineError
from pipeline.core.warehouse.catalogue import Catalogue, ExternalTable, duck_type
from pipeline.core.warehouse.statements import (
    AddPartition,
    Column,
    CreateExternalSchema,
    CreateExternalTable,
    DropPartition,
    DropTable,
    External,
    SetLocation,
)


@singledispatch
def change(statement: External, catalogue: Catalogue) -> None:
    """Change the catalogue as a statement says; the caller makes it one transaction."""
    raise NotImplementedError(type(statement))


@change.register
def _(statement: CreateExternalSchema, catalogue: Catalogue) -> None:
    if not catalogue.has_schema(statement.schema):
        catalogue.rows("INSERT INTO catalogue.external_schema VALUES (?, ?)", statement.schema, statement.database)
    elif not statement.if_not_exists:
        raise PipelineError(f"The external schema {statement.schema} already exists.")


@change.register
def _(statement: CreateExternalTable, catalogue: Catalogue) -> None:
    schema, name = statement.table
    if not catalogue.has_schema(schema):
        raise PipelineError(f"The warehouse has no external schema {schema} for the table {statement.table}.")
    if catalogue.find(statement.table):
        raise PipelineError(f"The external table {statement.table} already exists.")
    catalogue.rows("INSERT INTO catalogue.external_table VALUES (?, ?, ?)", schema, name, statement.location)
    for number, column in enumerate(statement.columns + statement.keys, start=1):
        duck_type(column)
        part_key = max(0, number - len(statement.columns))
        catalogue.rows(
            "INSERT INTO catalogue.external_column VALUES (?, ?, ?, ?, ?, ?)",
            schema, name, column.name, column.type, number, part_key,
        )  # fmt: skip


@change.register
def _(statement: DropTable, catalogue: Catalogue) -> None:
    if not statement.if_exists:
        catalogue.table(statement.table)
    for kept in ("partition", "column", "table"):
        catalogue.rows(
            f"DELETE FROM catalogue.external_{kept} WHERE schemaname = ? AND tablename = ?",  # noqa: S608
            *statement.table,
        )


@change.register
def _(statement: AddPartition, catalogue: Catalogue) -> None:
    table = catalogue.table(statement.table)
    for place in statement.places:
        keys = _key_values(catalogue, table, place.values)
        if not _has_partition(catalogue, table, keys):
            catalogue.rows(
                "INSERT INTO catalogue.external_partition VALUES (?, ?, ?, ?)", *table.name, keys, place.location
            )
        elif not statement.if_not_exists:
            raise PipelineError(f"The external table {table.name} already has the partition {keys}.")


@change.register
def _(statement: DropPartition, catalogue: Catalogue) -> None:
    table = catalogue.table(statement.table)
    keys = _existing(catalogue, table, statement.values)
    catalogue.rows(
        "DELETE FROM catalogue.external_partition WHERE schemaname = ? AND tablename = ? AND keys = ?",
        *table.name, keys,
    )  # fmt: skip


@change.register
def _(statement: SetLocation, catalogue: Catalogue) -> None:
    table = catalogue.table(statement.table)
    if not statement.place.values and not table.keys:
        catalogue.rows(
            "UPDATE catalogue.external_table SET location = ? WHERE schemaname = ? AND tablename = ?",
            statement.place.location, *table.name,
        )  # fmt: skip
        return
    keys = _existing(catalogue, table, statement.place.values)
    catalogue.rows(
        "UPDATE catalogue.external_partition SET location = ?"
        " WHERE schemaname = ? AND tablename = ? AND keys = ?",
        statement.place.location, *table.name, keys,
    )  # fmt: skip


def _has_partition(catalogue: Catalogue, table: ExternalTable, keys: list[str]) -> bool:
    return bool(
        catalogue.rows(
            "SELECT 1 FROM catalogue.external_partition WHERE schemaname = ? AND tablename = ? AND keys = ?",
            *table.name, keys,
        )
    )  # fmt: skip


def _existing(catalogue: Catalogue, table: ExternalTable, values: dict[str, str]) -> list[str]:
    """Return a partition's values in the order of the keys. Raises PipelineError if it is not there."""
    keys = _key_values(catalogue, table, values)
    if not _has_partition(catalogue, table, keys):
        raise PipelineError(f"The external table {table.name} has no partition {values}.")
    return keys


def _key_values(catalogue: Catalogue, table: ExternalTable, values: dict[str, str]) -> list[str]:
    """Return a partition's values as the catalogue has them. Raises PipelineError where they do not fit the keys."""
    if set(values) != {key.name for key in table.keys}:
        keys = ", ".join(key.name for key in table.keys) or "nothing"
        raise PipelineError(f"{table.name} is partitioned by {keys}, not by {', '.join(values) or 'nothing'}.")
    return [_key_value(catalogue, table, key, values[key.name]) for key in table.keys]


def _key_value(catalogue: Catalogue, table: ExternalTable, key: Column, value: str) -> str:
    try:
        [(text,)] = catalogue.rows(f"SELECT CAST(CAST(? AS {duck_type(key)}) AS VARCHAR)", value)
    except duckdb.ConversionException as error:
        raise PipelineError(f"{table.name}: {value!r} is no {key.type} for {key.name}.") from error
    return text
