"""Transactions on a PostgreSQL server, and what is run in them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, closing, contextmanager, suppress
from typing import IO, Any

import psycopg2
from psycopg2 import errorcodes, extensions

from pipeline.core.database import copies
from pipeline.core.database.connecting import Connector
from pipeline.core.database.waiting import busy
from pipeline.core.errors import Retryable, SourceUnavailable
from pipeline.core.etl_load import PartitionedTables
from pipeline.core.retries import PASSING, retried
from pipeline.core.sql_files import database_files, read_sql

SESSION = (
    "SET LOCAL timezone TO 'UTC'; SET LOCAL tcp_keepalives_idle TO 60; SET LOCAL lock_timeout TO '%(wait_seconds)ss'"
)
WAIT_SECONDS = 300
TRY_AGAIN = (psycopg2.OperationalError, psycopg2.InterfaceError)
MISSING = (errorcodes.UNDEFINED_TABLE, errorcodes.INVALID_SCHEMA_NAME)
Parameters = Mapping[str, Any]


class Database(PartitionedTables):
    """A PostgreSQL database, by its URL. Statements take parameters as %(name)s, and they are bound."""

    def __init__(self, url: str, secret_id: str = "", wait_seconds: int = WAIT_SECONDS) -> None:
        self._connector = Connector(url, secret_id)
        self.wait_seconds = wait_seconds

    @contextmanager
    def transaction(self) -> Iterator[Any]:
        """Yield a cursor of a new connection: REPEATABLE READ, UTC; commit at the end, roll back on an error.

        Raises SourceUnavailable if the server cannot be reached, does not answer COMMIT, or lacks a table, or if
        another transaction kept what this one needs for longer than `wait_seconds`;
        and Retryable if it goes away before COMMIT or asks to try again.
        """
        with closing(self._connect()) as connection:
            cursor = connection.cursor()
            try:
                with cursor:
                    cursor.execute(SESSION, {"wait_seconds": self.wait_seconds})
                    yield cursor
            except BaseException as error:
                _roll_back(connection)
                if isinstance(error, psycopg2.Error) and (told := self._told(error, cursor)):
                    raise told from error
                raise
            try:
                connection.commit()
            except TRY_AGAIN as error:
                raise SourceUnavailable(f"{self}: COMMIT was not answered; look whether it is done. {error}") from error

    def _told(self, error: psycopg2.Error, cursor: Any) -> SourceUnavailable | None:
        """Return what an error of a transaction that was rolled back means, or None if it is for the caller to know."""
        if error.pgcode == errorcodes.LOCK_NOT_AVAILABLE:
            return busy(self.query, cursor.query.decode(errors="replace"), self.wait_seconds)
        if isinstance(error, TRY_AGAIN):
            kind = Retryable if _passes(error) else SourceUnavailable
            return kind(f"{self}: nothing was changed; run it again. {error}")
        if error.pgcode in MISSING:
            return SourceUnavailable(
                f"{self}: {error.diag.message_primary or error}."
                " Create what is missing (lakeshift migrate), fill it (lakeshift seed), or look at [database] url."
            )
        return None

    def query(self, sql: str, params: Parameters | None = None) -> list[tuple]:
        """Return all rows of a query."""
        return retried(lambda: self._query_once(sql, params))

    def _query_once(self, sql: str, params: Parameters | None) -> list[tuple]:
        with self.transaction() as cursor:
            cursor.execute(sql, params)
            return cursor.fetchall()

    def run_file(self, cursor: Any, file: str, params: Parameters | None = None) -> int:
        """Run a file of sql/, such as user_behaviour/database.sql, and return how many rows its last statement met."""
        cursor.execute(read_sql(file), params)
        return cursor.rowcount

    def copy_out(self, cursor: Any, sql: str, params: Parameters | None = None) -> AbstractContextManager[IO[bytes]]:
        """Yield what a query returns as a stream of CSV with a header, in constant memory."""
        return copies.copy_out(cursor, sql, params)

    def copy_out_file(
        self, cursor: Any, file: str, params: Parameters | None = None
    ) -> AbstractContextManager[IO[bytes]]:
        """Yield what the query in a file of sql/ returns as a stream of CSV with a header, in constant memory."""
        return copies.copy_out(cursor, read_sql(file), params)

    def copy_in(self, cursor: Any, table: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> int:
        """Add rows to a table, in constant memory, and return their number. None is null."""
        return copies.copy_in(cursor, table, columns, rows)

    def migrate(self, dry_run: bool = False) -> list[str]:
        """Make the tables those that sql/ declares, and return what was made, or in a dry run the statements due."""
        return self.create_tables(*database_files(), dry_run=dry_run)

    def create_tables(self, *files: str, dry_run: bool = False) -> list[str]:
        """Make what files of sql/ declare and what is not there, one process at a time, and return what was made."""
        # What reads SQL takes a third of a second to import, which a run does not need.
        from pipeline.core.database.creation import carry_out, changes

        with self.transaction() as cursor:
            # What others made while we wait is to be seen.
            cursor.execute("SET TRANSACTION ISOLATION LEVEL READ COMMITTED")
            # Two CREATE IF NOT EXISTS at once do not see each other, and one of them fails.
            cursor.execute("SELECT pg_advisory_xact_lock(hashtext('lakeshift create_tables'))")
            due = changes(cursor, files)
            if dry_run:
                return [change.sql for change in due]
            for change in due:
                carry_out(cursor, change)
        return [change.what for change in due]

    def __str__(self) -> str:
        return str(self._connector)

    def _connect(self) -> Any:
        connection = self._connector.connect()
        connection.set_session(isolation_level=extensions.ISOLATION_LEVEL_REPEATABLE_READ)
        return connection


def _passes(error: psycopg2.Error) -> bool:
    """Say whether what ended a transaction passes by itself; a connection that was lost has no code."""
    return error.pgcode is None or error.pgcode in PASSING


def _roll_back(connection: Any) -> None:
    with suppress(psycopg2.Error):
        # In the middle of a COPY a rollback would first receive all that is still to come.
        if connection.get_transaction_status() != extensions.TRANSACTION_STATUS_ACTIVE:
            connection.rollback()
