"""Holds the tables of the embedded warehouse against the statements that declare them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import duckdb
import sqlglot
from sqlglot import exp

from pipeline.core.warehouse.catalogue import Catalogue, cast, redshift_type
from pipeline.core.warehouse.grammar import parse
from pipeline.core.warehouse.semantics import declared_length
from pipeline.core.warehouse.statements import Column, CreateExternalTable, TableName

COLUMNS = """
SELECT columns.column_name, columns.data_type, checks.constraint_text
FROM duckdb_columns() AS columns
LEFT JOIN duckdb_constraints() AS checks
    ON columns.table_oid = checks.table_oid
    AND checks.constraint_type = 'CHECK'
    AND list_contains(checks.constraint_column_names, columns.column_name)
WHERE columns.schema_name = $schema AND columns.table_name = $name
"""

Types = dict[str, str]


class Difference(NamedTuple):
    """A table whose columns are not as declared, and how they differ."""

    table: TableName
    columns: str
    is_external: bool


def difference(catalogue: Catalogue, statement: str) -> Difference | None:
    """Return how the table that a statement creates differs from what it declares.

    None if it does not, or if the statement is another one.
    """
    declared = _declared(statement)
    if declared is None:
        return None
    table, columns = declared
    external = catalogue.find(table)
    found = _types(catalogue.connection, external.all_columns) if external else _existing(catalogue, table)
    differences = list(_differences(found, _types(catalogue.connection, columns)))
    return Difference(table, "; ".join(differences), bool(external)) if differences else None


def _declared(statement: str) -> tuple[TableName, Sequence[Column]] | None:
    """Return the table that a statement creates, and its columns."""
    external = parse(statement)
    if isinstance(external, CreateExternalTable):
        return external.table, external.columns + external.keys
    tree = sqlglot.parse_one(statement, read="redshift") if external is None else None
    if not isinstance(tree, exp.Create) or not isinstance(tree.this, exp.Schema):
        return None
    name = tree.this.this
    columns = tree.find_all(exp.ColumnDef)
    return (
        TableName(name.db.lower() or "public", name.name.lower()),
        [Column(column.name.lower(), column.args["kind"].sql("redshift")) for column in columns],
    )


def _differences(found: Types, declared: Types) -> Iterator[str]:
    for name, kind in declared.items():
        # DuckDB cannot limit the length of a column that ALTER adds.
        is_unlimited = found.get(name) == "VARCHAR" and kind.startswith("VARCHAR(")
        if found.get(name) != kind and not is_unlimited:
            is_found = f"is {found[name]}" if name in found else "is missing"
            yield f"{name} {is_found}, and declared as {kind}"
    for name in found.keys() - declared.keys():
        yield f"{name} is {found[name]}, and not declared"


def _existing(catalogue: Catalogue, table: TableName) -> Types:
    """Return the types of a plain table's columns; the length of a text is kept as a check."""
    rows = catalogue.rows(COLUMNS, **table._asdict())
    limits = {name: re.search(r"strlen\(.*\) <= (\d+)", check or "") for name, _, check in rows}
    return {name.lower(): _text(kind, limit[1] if (limit := limits[name]) else "") for name, kind, _ in rows}


def _types(connection: duckdb.DuckDBPyConnection, columns: Sequence[Column]) -> Types:
    """Return the types of declared columns as DuckDB spells them, with the lengths that it does not keep."""
    nulls = ", ".join(cast("NULL", column) for column in columns)
    kinds = [str(column[1]) for column in connection.execute(f"SELECT {nulls}").description]
    lengths = [declared_length(redshift_type(column)) for column in columns]
    return {
        column.name: _text(kind, length or "") for column, kind, length in zip(columns, kinds, lengths, strict=True)
    }


def _text(kind: str, length: int | str) -> str:
    return f"{kind}({length})" if length else kind
