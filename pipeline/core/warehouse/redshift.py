"""The warehouse in Amazon Redshift, a provisioned cluster or a serverless workgroup."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

import redshift_connector
from botocore.exceptions import BotoCoreError, ClientError

from pipeline.core import aws, config, secrets
from pipeline.core.addresses import RedshiftAddress
from pipeline.core.errors import PipelineError, SettingError, SourceUnavailable
from pipeline.core.warehouse.base import Parameters, Warehouse
from pipeline.core.warehouse.grammar import parse
from pipeline.core.warehouse.redshift_errors import (
    CANCELLED,
    ERRORS,
    code_of,
    explained,
    is_lost,
    text_of,
    unreachable,
)
from pipeline.core.warehouse.redshift_locks import busy
from pipeline.core.warehouse.redshift_login import connect_arguments
from pipeline.core.warehouse.statements import Lock
from pipeline.core.warehouse.text import opening, words

# At DEBUG it writes every parameter and every row.
logging.getLogger("redshift_connector").setLevel(logging.WARNING)

# How much later than Redshift itself this side gives a statement up.
GRACE_SECONDS = 30


class RedshiftCursor:
    """A cursor of the Python DB API whose errors are ours, and whose LOCK waits no longer than the settings say."""

    def __init__(self, warehouse: RedshiftWarehouse, connection: Any) -> None:
        self.warehouse, self.connection = warehouse, connection
        self.cursor = connection.cursor()
        self.cursor.paramstyle = "pyformat"
        self.is_lost = False

    @property
    def description(self) -> Sequence[Sequence[Any]] | None:
        return self.cursor.description

    @property
    def rowcount(self) -> int:
        return self.cursor.rowcount

    def execute(self, sql: str, params: Parameters | None = None) -> RedshiftCursor:
        """Run a statement with the values of its %(name)s. Raises Retryable where it may be tried again at once."""
        try:
            if [word.upper() for word in words(sql)[:1]] == ["LOCK"]:
                self._lock(sql)
            else:
                # Without parameters a % stands for itself.
                self.cursor.execute(sql, params or None)
        except KeyError as error:
            raise PipelineError(f"{opening(sql)}: no value was given for {error}") from error
        except ERRORS as error:
            self.is_lost = is_lost(error)
            raise explained(error, str(self.warehouse), opening(sql)) from error
        return self

    def fetchone(self) -> Any:
        return self.cursor.fetchone() if self.description else None

    def fetchall(self) -> list[Any]:
        return list(self.cursor.fetchall()) if self.description else []

    def limit(self, seconds: int) -> None:
        """Let no later statement take longer; 0 is for ever. A server that is silent after that is given up."""
        self.cursor.execute(f"SET statement_timeout TO {seconds * 1000}")
        # The connector has one timeout for connecting and for reading, and no way to change it.
        self.connection._usock.settimeout(seconds + GRACE_SECONDS if seconds else None)

    def _lock(self, sql: str) -> None:
        settings = self.warehouse.settings
        self.limit(settings.wait_seconds)
        try:
            self.cursor.execute(sql)
        except ERRORS as error:
            self.is_lost = is_lost(error)
            if code_of(error) != CANCELLED and not isinstance(error, TimeoutError):
                raise
            raise self._busy(sql, settings.wait_seconds) from error
        self.limit(settings.statement_seconds)

    def _busy(self, sql: str, seconds: int) -> SourceUnavailable:
        statement = parse(sql)
        assert isinstance(statement, Lock)  # noqa: S101 - it begins with LOCK
        return busy(self.warehouse.query, statement.tables[0], seconds)


class RedshiftWarehouse(Warehouse):
    """A database in Redshift. A connection lasts one transaction; none is kept, and none crosses a fork."""

    def __init__(self, url: str) -> None:
        self.address = RedshiftAddress.of_url(url)

    @property
    def settings(self) -> config.Warehouse:
        return config.warehouse()

    @contextmanager
    def transaction(self) -> Iterator[RedshiftCursor]:
        """Yield a cursor; commit at the end, roll back on an error.

        Raises Retryable if the connection is lost before COMMIT, or Redshift asks to try again; SourceUnavailable if
        COMMIT is not answered, so that nobody knows.
        """
        with self._cursor() as cursor:
            # The connector begins a transaction with the first statement.
            cursor.connection.autocommit = False
            try:
                yield cursor
            except Exception:
                _roll_back(cursor)
                raise
            self._commit(cursor)

    @contextmanager
    def autocommit(self) -> Iterator[RedshiftCursor]:
        with self._cursor() as cursor:
            yield cursor

    def __str__(self) -> str:
        return str(self.address)

    @contextmanager
    def _cursor(self) -> Iterator[RedshiftCursor]:
        """Yield a cursor of a new connection, outside a transaction."""
        connection = self._connect()
        try:
            connection.autocommit = True
            cursor = RedshiftCursor(self, connection)
            try:
                cursor.limit(self.settings.statement_seconds)
            except ERRORS as error:
                raise explained(error, str(self), "SET statement_timeout") from error
            yield cursor
        finally:
            with suppress(*ERRORS):
                connection.close()

    def _connect(self) -> Any:
        try:
            return self._connect_once()
        except SettingError:
            if self.address.password is not None or not self.settings.secret_id:
                raise
            secrets.forget()
            return self._connect_once()

    def _connect_once(self) -> Any:
        arguments = connect_arguments(self.address, self.settings)
        try:
            return redshift_connector.connect(**arguments)
        except (BotoCoreError, ClientError) as error:
            raise aws.explained(error, f"{self}: a login by IAM") from error
        except ERRORS as error:
            raise unreachable(error, str(self)) from error

    def _commit(self, cursor: RedshiftCursor) -> None:
        try:
            cursor.connection.commit()
        except ERRORS as error:
            if is_lost(error):
                raise SourceUnavailable(
                    f"{self}: COMMIT was not answered; look whether it is done. {text_of(error)}"
                ) from error
            raise explained(error, str(self), "COMMIT") from error


def _roll_back(cursor: RedshiftCursor) -> None:
    # A connection that is lost, or does not answer, has nothing to say about that either.
    if not cursor.is_lost:
        with suppress(*ERRORS):
            cursor.connection.rollback()
