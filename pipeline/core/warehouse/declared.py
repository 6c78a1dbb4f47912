"""What the statements of sql/ declare, with types spelled in one way."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

import sqlglot
from sqlglot import exp

from pipeline.core.columns import Types
from pipeline.core.sql_files import read_sql, table_files
from pipeline.core.warehouse.grammar import parse
from pipeline.core.warehouse.statements import Column, CreateExternalTable, TableName
from pipeline.core.warehouse.types import as_redshift_declares, declared_length, redshift_type

# Who asks for names has an error to tell, so this needs no setting, as the place of the lake is.
DECLARING = re.compile(
    r"^CREATE (?:EXTERNAL )?(?:TABLE|SCHEMA) (?:IF NOT EXISTS )?([\w.]+)", re.IGNORECASE | re.MULTILINE
)
# What the catalogue of a data lake calls types that Redshift calls otherwise.
OF_THE_CATALOGUE = {"float": "real", "string": "varchar(max)"}


class Declared(NamedTuple):
    """A table, with the types of its columns; keys are those that partition it, which only an external one has."""

    table: TableName
    columns: Types
    keys: frozenset[str]
    is_external: bool


def declared_table(statement: str) -> Declared | None:
    """Return the table that a statement creates, or None if it is another statement."""
    external = parse(statement)
    if isinstance(external, CreateExternalTable):
        keys = frozenset(key.name for key in external.keys)
        return Declared(external.table, types(external.columns + external.keys), keys, is_external=True)
    tree = sqlglot.parse_one(statement, read="redshift") if external is None else None
    if not isinstance(tree, exp.Create) or not isinstance(tree.this, exp.Schema):
        return None
    name = tree.this.this
    columns = [Column(one.name.lower(), one.args["kind"].sql("redshift")) for one in tree.find_all(exp.ColumnDef)]
    table = TableName(name.db.lower() or "public", name.name.lower())
    return Declared(table, types(columns), frozenset(), is_external=False)


def is_declared(name: str) -> bool:
    """Say whether sql/ declares a schema or a table of this name, which may be without its schema."""
    found = {declared.lower() for file in table_files() for declared in DECLARING.findall(read_sql(file))}
    return name.lower() in found | {declared.rpartition(".")[2] for declared in found}


def types(columns: Iterable[Column]) -> Types:
    """Return the types of columns, each spelled as every other spelling of it."""
    return {column.name.lower(): _type(column) for column in columns}


def type_of_catalogue(kind: str) -> str:
    """Return a type of an external column as Redshift calls it."""
    return OF_THE_CATALOGUE.get(kind.lower(), kind)


def type_of_column(kind: str, length: int | None, precision: int | None, scale: int | None) -> str:
    """Return a type of a table's column from what svv_columns says of it."""
    if length:
        return f"{kind}({length})"
    return f"{kind}({precision}, {scale})" if kind == "numeric" else kind


def _type(column: Column) -> str:
    kind = redshift_type(column)
    # Whether a text is padded is not known of every warehouse; how long it may be is.
    length = declared_length(kind) if column.type.lower() != "character varying" else 0
    if length or kind.is_type("varchar"):
        return f"VARCHAR({length})" if length else "VARCHAR"
    return as_redshift_declares(kind).sql("redshift")
