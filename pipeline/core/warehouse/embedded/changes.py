"""Changes the embedded warehouse's catalogue as the statements of Redshift say."""

from __future__ import annotations

from functools import singledispatch

from pipeline.core.errors import PipelineError
from pipeline.core.warehouse.embedded.catalogue import Catalogue, ExternalTable, duck_type
from pipeline.core.warehouse.statements import (
    AddColumn,
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
        catalogue.rows(
            "INSERT INTO catalogue.external_schema VALUES ($schema, $database)",
            schema=statement.schema, database=statement.database,
        )  # fmt: skip
    elif not statement.if_not_exists:
        raise PipelineError(f"The external schema {statement.schema} already exists.")


@change.register
def _(statement: CreateExternalTable, catalogue: Catalogue) -> None:
    table = statement.table._asdict()
    if not catalogue.has_schema(statement.table.schema):
        raise PipelineError(
            f"The warehouse has no external schema {statement.table.schema} for the table {statement.table}."
        )
    if catalogue.find(statement.table):
        raise PipelineError(f"The external table {statement.table} already exists.")
    catalogue.rows(
        "INSERT INTO catalogue.external_table VALUES ($schema, $name, $location)", **table, location=statement.location
    )
    for number, column in enumerate(statement.columns + statement.keys, start=1):
        duck_type(column)
        part_key = max(0, number - len(statement.columns))
        catalogue.rows(
            "INSERT INTO catalogue.external_column VALUES ($schema, $name, $column, $type, $number, $part_key)",
            **table, column=column.name, type=column.type, number=number, part_key=part_key,
        )  # fmt: skip


@change.register
def _(statement: DropTable, catalogue: Catalogue) -> None:
    if not statement.if_exists:
        catalogue.table(statement.table)
    for kept in ("partition", "column", "table"):
        catalogue.rows(
            f"DELETE FROM catalogue.external_{kept} WHERE schemaname = $schema AND tablename = $name",  # noqa: S608
            **statement.table._asdict(),
        )


@change.register
def _(statement: AddColumn, catalogue: Catalogue) -> None:
    table, column = catalogue.table(statement.table), statement.column
    if column.name in [known.name for known in table.all_columns]:
        raise PipelineError(f"The external table {table.name} already has the column {column.name}.")
    duck_type(column)
    catalogue.rows(
        "UPDATE catalogue.external_column SET columnnum = columnnum + 1"
        " WHERE schemaname = $schema AND tablename = $name AND part_key > 0",
        **table.name._asdict(),
    )  # fmt: skip
    catalogue.rows(
        "INSERT INTO catalogue.external_column VALUES ($schema, $name, $column, $type, $number, 0)",
        **table.name._asdict(), column=column.name, type=column.type, number=len(table.columns) + 1,
    )  # fmt: skip


@change.register
def _(statement: AddPartition, catalogue: Catalogue) -> None:
    table = catalogue.table(statement.table)
    keys = _key_values(catalogue, table, [place.values for place in statement.places])
    known = _known(catalogue, table)
    given = dict(zip(keys, [place.location for place in statement.places], strict=True))
    if not statement.if_not_exists and known & given.keys():
        raise PipelineError(f"The external table {table.name} already has the partition {min(known & given.keys())}.")
    missing = [key for key in given if key not in known]
    if missing:
        catalogue.rows(
            "INSERT INTO catalogue.external_partition SELECT $schema, $name, unnest($keys), unnest($locations)",
            **table.name._asdict(), keys=[list(key) for key in missing], locations=[given[key] for key in missing],
        )  # fmt: skip


@change.register
def _(statement: DropPartition, catalogue: Catalogue) -> None:
    table = catalogue.table(statement.table)
    keys = _existing(catalogue, table, statement.values)
    catalogue.rows(
        "DELETE FROM catalogue.external_partition WHERE schemaname = $schema AND tablename = $name AND keys = $keys",
        **table.name._asdict(), keys=keys,
    )  # fmt: skip


@change.register
def _(statement: SetLocation, catalogue: Catalogue) -> None:
    table = catalogue.table(statement.table)
    if not statement.place.values and not table.keys:
        catalogue.rows(
            "UPDATE catalogue.external_table SET location = $location WHERE schemaname = $schema AND tablename = $name",
            **table.name._asdict(), location=statement.place.location,
        )  # fmt: skip
        return
    keys = _existing(catalogue, table, statement.place.values)
    catalogue.rows(
        "UPDATE catalogue.external_partition SET location = $location"
        " WHERE schemaname = $schema AND tablename = $name AND keys = $keys",
        **table.name._asdict(), location=statement.place.location, keys=keys,
    )  # fmt: skip


def _known(catalogue: Catalogue, table: ExternalTable) -> set[tuple[str, ...]]:
    rows = catalogue.rows(
        "SELECT keys FROM catalogue.external_partition WHERE schemaname = $schema AND tablename = $name",
        **table.name._asdict(),
    )
    return {tuple(keys) for (keys,) in rows}


def _existing(catalogue: Catalogue, table: ExternalTable, values: dict[str, str]) -> list[str]:
    """Return a partition's values as the catalogue has them. Raises PipelineError if it is not there."""
    [keys] = _key_values(catalogue, table, [values])
    if keys not in _known(catalogue, table):
        raise PipelineError(f"The external table {table.name} has no partition {values}.")
    return list(keys)


def _key_values(catalogue: Catalogue, table: ExternalTable, given: list[dict[str, str]]) -> list[tuple[str, ...]]:
    """Return the values of partitions as the catalogue has them. Raises PipelineError where they do not fit."""
    names = {key.name for key in table.keys}
    for values in given:
        if values.keys() != names:
            keys = ", ".join(names) or "nothing"
            raise PipelineError(f"{table.name} is partitioned by {keys}, not by {', '.join(values) or 'nothing'}.")
    columns = [_spelled(catalogue, table, key, [values[key.name] for values in given]) for key in table.keys]
    return list(zip(*columns, strict=True))


def _spelled(catalogue: Catalogue, table: ExternalTable, key: Column, values: list[str]) -> list[str]:
    """Return the values of one key as its type writes them, so that two spellings are one partition."""
    rows = catalogue.rows(f"SELECT CAST(TRY_CAST(unnest($values) AS {duck_type(key)}) AS VARCHAR)", values=values)
    for value, (text,) in zip(values, rows, strict=True):
        if text is None:
            raise PipelineError(f"{table.name}: {value!r} is no {key.type} for {key.name}.")
    return [text for (text,) in rows]
