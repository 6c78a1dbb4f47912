"""Makes the tables of a PostgreSQL database those that sql/ declares: what is missing is created or added."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import psycopg2
import sqlglot
from psycopg2 import errorcodes
from sqlglot import exp

from pipeline.core.columns import Change, Types, compare
from pipeline.core.errors import CheckFailed
from pipeline.core.sql_files import read_sql
from pipeline.core.sql_text import opening, statements

# Text, since a name that is bound would be no name of PostgreSQL's.
EXISTS = {
    "SCHEMA": "SELECT to_regnamespace(%(name)s) IS NOT NULL",
    "TABLE": "SELECT to_regclass(%(name)s) IS NOT NULL",
    "INDEX": "SELECT to_regclass(%(name)s) IS NOT NULL",
    "VIEW": "SELECT to_regclass(%(name)s) IS NOT NULL",
}
COLUMNS = """
SELECT attname, format_type(atttypid, atttypmod)
FROM pg_attribute
WHERE attrelid = to_regclass(%(name)s) AND attnum > 0 AND NOT attisdropped
"""
PARTITIONED = "SELECT pg_get_partkeydef(to_regclass(%(name)s)) IS NOT NULL"
SAME_VIEW = "SELECT pg_get_viewdef('pg_temp.declared_view'::regclass) = pg_get_viewdef(to_regclass(%(name)s))"
# What a view reads that is declared before it, and is not there yet.
TO_BE_ADDED = (errorcodes.UNDEFINED_TABLE, errorcodes.UNDEFINED_COLUMN)
# What is there is no view, or one of other columns.
IN_THE_WAY = (errorcodes.INVALID_TABLE_DEFINITION, errorcodes.WRONG_OBJECT_TYPE)
# What is short for an integer with a sequence.
SERIAL = {"SERIAL": "INT", "BIGSERIAL": "BIGINT"}


def changes(cursor: Any, files: Iterable[str]) -> list[Change]:
    """Return what is due in a database, in order. Raises CheckFailed where no column can be added to mend it."""
    return [
        change for file in files for statement in statements(read_sql(file)) for change in _due(cursor, statement, file)
    ]


def carry_out(cursor: Any, change: Change) -> None:
    """Run a statement that is due. Raises CheckFailed where what is there, such as another view, does not let it."""
    try:
        cursor.execute(change.sql)
    except psycopg2.ProgrammingError as error:
        if error.pgcode not in IN_THE_WAY:
            raise
        raise CheckFailed(
            f"{opening(change.sql)}: {error.diag.message_primary}. Nothing was changed; DROP VIEW what is there of that"
            " name, or rename it, and run lakeshift migrate again."
        ) from error


def _due(cursor: Any, statement: str, file: str) -> Iterator[Change]:
    tree = sqlglot.parse_one(statement, read="postgres")
    kind = tree.kind if isinstance(tree, exp.Create) else None
    if kind not in EXISTS:
        # Whatever else is in these files can be run again: GRANT.
        yield Change(statement, f"ran {opening(statement)}")
        return
    name = _name(tree)
    cursor.execute(EXISTS[kind], {"name": name})
    if cursor.fetchone() == (False,):
        yield Change(statement, f"created the {kind.lower()} {name}")
    elif kind == "TABLE":
        yield from _due_columns(cursor, tree, name, file)
    elif kind == "VIEW" and not _is_as_declared(cursor, tree, name):
        yield Change(statement, f"replaced the view {name}")


def _due_columns(cursor: Any, tree: exp.Expr, name: str, file: str) -> Iterator[Change]:
    _check_parts(cursor, tree, name, file)
    cursor.execute(COLUMNS, {"name": name})
    found = {column: _type(kind) for column, kind in cursor.fetchall()}
    declared = _declared(tree)
    # The database is also its applications': what else they keep there is no difference.
    missing, differences = compare({column: found[column] for column in found.keys() & declared.keys()}, declared)
    if differences:
        raise CheckFailed(
            f"{name} is not as sql/{file} declares it: {'; '.join(differences)}. ALTER it as the file declares it."
        )
    for column, kind in missing.items():
        yield Change(f'ALTER TABLE {name} ADD COLUMN "{column}" {kind}', f"added {column} {kind} to {name}")


def _check_parts(cursor: Any, tree: exp.Expr, name: str, file: str) -> None:
    """Raise CheckFailed if a table is declared with partitions, and can have none."""
    declared = tree.find(exp.PartitionedByProperty)
    cursor.execute(PARTITIONED, {"name": name})
    if declared and cursor.fetchone() == (False,):
        raise CheckFailed(
            f"{name} is not as sql/{file} declares it: it is not {declared.sql('postgres')}, and ALTER cannot make it"
            " so. Rename it, run lakeshift migrate, and load it again."
        )


def _is_as_declared(cursor: Any, tree: exp.Expr, view: str) -> bool:
    """Say whether a view is the one that is declared: one that is replaced has all who read it wait."""
    cursor.execute("SAVEPOINT declared")
    try:
        # PostgreSQL alone can tell what a query means to it.
        cursor.execute(f"CREATE TEMPORARY VIEW declared_view AS {tree.expression.sql('postgres')}")
        cursor.execute(SAME_VIEW, {"name": view})
        return cursor.fetchone() == (True,)
    except psycopg2.ProgrammingError as error:
        if error.pgcode not in TO_BE_ADDED:
            raise
        return False
    finally:
        cursor.execute("ROLLBACK TO SAVEPOINT declared")


def _declared(tree: exp.Expr) -> Types:
    columns = tree.find_all(exp.ColumnDef)
    return {_spelled(column.this): _type(column.args["kind"].sql("postgres")) for column in columns}


def _name(tree: exp.Expr) -> str:
    """Return the name of what a statement creates, with its schema, as SQL."""
    named = tree.this
    if isinstance(named, exp.Index):
        # An index is in the schema of its table.
        return exp.table_(named.this, db=named.args["table"].args.get("db")).sql("postgres")
    return (named.this if isinstance(named, exp.Schema) else named).sql("postgres")


def _spelled(name: exp.Identifier) -> str:
    return name.name if name.quoted else name.name.lower()


def _type(kind: str) -> str:
    """Return a type spelled as every other spelling of it."""
    spelled = exp.DataType.build(kind, dialect="postgres").sql("postgres")
    return SERIAL.get(spelled, spelled)
