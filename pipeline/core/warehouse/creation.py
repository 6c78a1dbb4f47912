"""Creates the tables of sql/ in the embedded warehouse, for one lake."""

from __future__ import annotations

import hashlib
from pathlib import Path

import duckdb

from pipeline.core import config
from pipeline.core.errors import CheckFailed, SettingError
from pipeline.core.sql_files import read_sql, table_files
from pipeline.core.warehouse.base import Cursor
from pipeline.core.warehouse.catalogue import CREATE, Catalogue
from pipeline.core.warehouse.declared import difference
from pipeline.core.warehouse.external import within_quotes
from pipeline.core.warehouse.grammar import parse
from pipeline.core.warehouse.statements import CreateExternalTable
from pipeline.core.warehouse.text import statements


def ensure_tables(cursor: Cursor, connection: duckdb.DuckDBPyConnection, path: Path) -> None:
    """Make the tables of sql/ those of a warehouse, with its cursor outside a transaction.

    Raises SettingError if the warehouse was made for another lake than the one in force.
    """
    wanted, root = _hash(), config.lake().root.rstrip("/")
    created, made_for = _created_from(connection)
    if made_for not in (None, root):
        raise SettingError(
            f"[warehouse] url = duckdb:{path} was made for the lake {made_for}, and [lake] root is {root}."
            " Give the new lake its own warehouse file, or put [lake] root back."
        )
    if created == wanted:
        return
    connection.execute(CREATE)
    connection.execute("SET search_path = 'public,main'")
    # The lake comes first: the tables of a creation that fails lie in it already.
    _note(connection, created, root)
    _create_tables(cursor, root)
    _check_tables(Catalogue(connection), path, root)
    _note(connection, wanted, root)


def _note(connection: duckdb.DuckDBPyConnection, created: str | None, root: str) -> None:
    sql = "CREATE OR REPLACE TABLE catalogue.created_from AS SELECT $hash AS hash, $root AS lake_root"
    Catalogue(connection).rows(sql, hash=created, root=root)


def _create_tables(cursor: Cursor, root: str) -> None:
    cursor.execute("SELECT schemaname, tablename FROM svv_external_tables")
    known = {tuple(row) for row in cursor.fetchall()}
    for file in table_files():
        for statement in statements(_located(read_sql(file), root)):
            external = parse(statement)
            # CREATE EXTERNAL TABLE has no IF NOT EXISTS.
            if isinstance(external, CreateExternalTable) and external.table in known:
                continue
            cursor.execute(statement)


def _check_tables(catalogue: Catalogue, path: Path, root: str) -> None:
    """Raise CheckFailed if a table was there already, with other columns than are declared."""
    for file in table_files():
        for statement in statements(_located(read_sql(file), root)):
            found = difference(catalogue, statement)
            if found is not None:
                change = "Remove" if found.is_external else "ALTER it with a DuckDB client, or remove"
                raise CheckFailed(
                    f"{found.table} is not as sql/{file} declares it: {found.columns}. {change} {path} and load again."
                )


def _located(text: str, root: str) -> str:
    """Return the text of a file with the lake's root in its locations, where nothing can be bound."""
    try:
        return text.replace("%(lake_root)s", within_quotes(root))
    except ValueError as error:
        raise SettingError(
            f"[lake] root = {root}: expected a path without backslashes and control characters"
        ) from error


def _hash() -> str:
    """Return what tells one version of the tables of sql/ from another."""
    texts = [CREATE, *map(read_sql, table_files())]
    return hashlib.sha256("\0".join(texts).encode()).hexdigest()


def _created_from(connection: duckdb.DuckDBPyConnection) -> tuple[str | None, str | None]:
    """Return which version of the tables a warehouse has, and for which lake."""
    try:
        row = connection.execute("SELECT hash, lake_root FROM catalogue.created_from").fetchone()
    except (duckdb.CatalogException, duckdb.BinderException):
        return None, None
    return row or (None, None)
