"""The embedded warehouse: a DuckDB file that executes the SQL which Redshift gets."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import duckdb
from sqlglot import exp

from pipeline.core import config
from pipeline.core.errors import PipelineError, SourceUnavailable
from pipeline.core.sql_text import opening, with_lists
from pipeline.core.warehouse.base import Parameters, Warehouse
from pipeline.core.warehouse.embedded.catalogue import Catalogue
from pipeline.core.warehouse.embedded.changes import change
from pipeline.core.warehouse.embedded.dialect import refusal, translate
from pipeline.core.warehouse.embedded.opening import SETTINGS, opened
from pipeline.core.warehouse.embedded.relation import Relations
from pipeline.core.warehouse.embedded.tables import due_changes, ensure_tables, make_tables
from pipeline.core.warehouse.grammar import parse
from pipeline.core.warehouse.statements import AddColumn, DropTable, External, Lock


class DuckCursor:
    """A cursor of the Python DB API that takes Redshift's SQL, one statement at a time."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, in_transaction: bool) -> None:
        self.connection = connection
        self.catalogue = Catalogue(connection)
        self.in_transaction = in_transaction
        self.description: list[tuple] | None = None
        self.rowcount = -1

    def execute(self, sql: str, params: Parameters | None = None) -> DuckCursor:
        """Run a statement with the values of its %(name)s. Raises PipelineError, naming it, where it cannot be run."""
        self.description, self.rowcount = None, -1
        try:
            statement = parse(sql)
            if isinstance(statement, Lock):
                self._lock(statement, sql)
            elif statement is None or self._is_plain(statement):
                self._translated(sql, params or {})
            else:
                self._change_catalogue(statement, sql)
        except duckdb.IOException as error:
            raise SourceUnavailable(f"{opening(sql)}: {_first_line(error)}") from error
        except duckdb.Error as error:
            raise PipelineError(f"{opening(sql)}: {_first_line(error)}") from error
        return self

    def fetchone(self) -> tuple | None:
        return self.connection.fetchone() if self.description else None

    def fetchall(self) -> list[tuple]:
        return self.connection.fetchall() if self.description else []

    def _translated(self, sql: str, params: Parameters) -> None:
        translation = translate(*with_lists(sql, params), Relations(self.catalogue).rewrite)
        self.connection.execute(translation.sql)
        if translation.is_query:
            self.description = self.connection.description
        else:
            self.rowcount = sum(count for (count,) in self.connection.fetchall())

    def _lock(self, statement: Lock, sql: str) -> None:
        """Make sure that the tables are there: the whole file is this transaction's own anyway."""
        if not self.in_transaction:
            raise refusal(sql, "LOCK needs a transaction")
        for table in statement.tables:
            self.connection.execute(f"SELECT 1 FROM {exp.table_(table.name, table.schema).sql('duckdb')} LIMIT 0")  # noqa: S608

    def _change_catalogue(self, statement: External, sql: str) -> None:
        # https://docs.aws.amazon.com/redshift/latest/dg/r_ALTER_TABLE_external-table.html
        if self.in_transaction:
            raise refusal(sql, "it cannot run inside a transaction block")
        with _transaction(self.connection):
            change(statement, self.catalogue)

    def _is_plain(self, statement: External) -> bool:
        """Say whether a statement that may be about an external table is about another."""
        return isinstance(statement, DropTable | AddColumn) and not self.catalogue.has_schema(statement.table.schema)


class DuckWarehouse(Warehouse):
    """A warehouse in one file. It is opened anew for everything, shortly, so that processes can take turns."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @contextmanager
    def transaction(self) -> Iterator[DuckCursor]:
        with self._connection() as connection, _transaction(connection):
            yield DuckCursor(connection, in_transaction=True)

    @contextmanager
    def autocommit(self) -> Iterator[DuckCursor]:
        with self._connection() as connection:
            yield DuckCursor(connection, in_transaction=False)

    def migrate(self, dry_run: bool = False) -> list[str]:
        if dry_run and not self.path.exists():
            # What is due to a file that is to be made is due to none at all.
            with duckdb.connect(config=SETTINGS) as nowhere:
                return due_changes(DuckCursor(nowhere, in_transaction=False), nowhere, self.path)
        with opened(self.path, config.warehouse().wait_seconds) as connection:
            cursor = DuckCursor(connection, in_transaction=False)
            return (due_changes if dry_run else make_tables)(cursor, connection, self.path)

    def __str__(self) -> str:
        return f"The warehouse {self.path}"

    @contextmanager
    def _connection(self) -> Iterator[duckdb.DuckDBPyConnection]:
        with opened(self.path, config.warehouse().wait_seconds) as connection:
            ensure_tables(DuckCursor(connection, in_transaction=False), connection, self.path)
            connection.execute("SET search_path = 'public,main'")
            yield connection


@contextmanager
def _transaction(connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
    connection.begin()
    try:
        yield
    except BaseException:
        # What failed so hard that DuckDB gave the transaction up is what the caller shall see.
        with suppress(duckdb.Error):
            connection.rollback()
        raise
    try:
        connection.commit()
    except duckdb.Error as error:
        raise SourceUnavailable(f"The warehouse did not commit: {_first_line(error)}") from error


def _first_line(error: duckdb.Error) -> str:
    return str(error).splitlines()[0]
