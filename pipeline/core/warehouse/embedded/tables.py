"""Keeps the tables of the embedded warehouse those that sql/ declares, for one lake."""

from __future__ import annotations

import hashlib
from pathlib import Path

import duckdb

from pipeline.core.errors import SettingError
from pipeline.core.warehouse import creation
from pipeline.core.warehouse.base import Cursor
from pipeline.core.warehouse.embedded.catalogue import CREATE, Catalogue
from pipeline.core.warehouse.lakes import lake_root


def ensure_tables(cursor: Cursor, connection: duckdb.DuckDBPyConnection, path: Path) -> None:
    """Make the tables of sql/ those of a warehouse, if they are not those of the last time, outside a transaction.

    Raises SettingError if the warehouse was made for another lake than the one in force.
    """
    if _created_from(connection, path) != _hash():
        make_tables(cursor, connection, path)


def make_tables(cursor: Cursor, connection: duckdb.DuckDBPyConnection, path: Path) -> list[str]:
    """Make the tables of sql/ those of a warehouse, and return what was made."""
    created = _created_from(connection, path)
    _prepare(connection)
    # The lake comes first: the tables of a creation that fails lie in it already.
    _note(connection, created)
    due = creation.changes(cursor, _remedy(path))
    creation.create(cursor, due, _remedy(path))
    _note(connection, _hash())
    return [change.what for change in due]


def due_changes(cursor: Cursor, connection: duckdb.DuckDBPyConnection, path: Path) -> list[str]:
    """Return the statements that are due in a warehouse, and leave it as it is."""
    _created_from(connection, path)
    connection.begin()
    try:
        _prepare(connection)
        return [change.sql for change in creation.changes(cursor, _remedy(path))]
    finally:
        connection.rollback()


def _prepare(connection: duckdb.DuckDBPyConnection) -> None:
    connection.execute(CREATE)
    connection.execute("SET search_path = 'public,main'")


def _remedy(path: Path) -> creation.Remedy:
    return creation.Remedy(
        plain=f"ALTER it with a DuckDB client, or remove {path} and load again",
        external=f"Remove {path} and load again",
    )


def _note(connection: duckdb.DuckDBPyConnection, created: str | None) -> None:
    sql = "CREATE OR REPLACE TABLE catalogue.created_from AS SELECT $hash AS hash, $root AS lake_root"
    Catalogue(connection).rows(sql, hash=created, root=lake_root())


def _hash() -> str:
    """Return what tells one version of the tables of sql/ from another."""
    texts = [CREATE, *map(creation.read_sql, creation.table_files())]
    return hashlib.sha256("\0".join(texts).encode()).hexdigest()


def _created_from(connection: duckdb.DuckDBPyConnection, path: Path) -> str | None:
    """Return which version of the tables a warehouse has. Raises SettingError if they are those of another lake."""
    try:
        row = connection.execute("SELECT hash, lake_root FROM catalogue.created_from").fetchone()
    except (duckdb.CatalogException, duckdb.BinderException):
        return None
    created, made_for = row or (None, None)
    if made_for not in (None, lake_root()):
        raise SettingError(
            f"[warehouse] url = duckdb:{path} was made for the lake {made_for}, and [lake] root is {lake_root()}."
            " Give the new lake its own warehouse file, or put [lake] root back."
        )
    return created
