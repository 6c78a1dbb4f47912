"""The warehouse in Amazon Redshift, a provisioned cluster or a serverless workgroup."""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import redshift_connector
from botocore.exceptions import BotoCoreError, ClientError

from pipeline.core import aws, config, secrets
from pipeline.core.addresses import RedshiftAddress
from pipeline.core.columns import Change
from pipeline.core.errors import SettingError, SourceUnavailable
from pipeline.core.retries import retried
from pipeline.core.warehouse.base import Warehouse
from pipeline.core.warehouse.lakes import check_lake, lake_root
from pipeline.core.warehouse.redshift.cursor import RedshiftCursor
from pipeline.core.warehouse.redshift.errors import ERRORS, failed, is_lost, text_of, unreachable
from pipeline.core.warehouse.redshift.login import connect_arguments

REMEDIES = (
    "ALTER it as the file declares it",
    "DROP TABLE it, which leaves its files, run lakeshift migrate, and add its partitions again: luigi --module ..."
    " RangeDaily --of <the task of its partitions> --start ... --stop ... (docs/operations.md)",
)

# Once a process is enough: the lake is a setting.
_checked: set[tuple[str, str]] = set()


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
                cursor.roll_back()
                raise
            self._commit(cursor)

    @contextmanager
    def autocommit(self) -> Iterator[RedshiftCursor]:
        with self._cursor() as cursor:
            yield cursor

    def migrate(self, dry_run: bool = False) -> list[str]:
        # What reads SQL takes a third of a second to import, which a run does not need.
        from pipeline.core.warehouse.creation import Remedy, changes, create

        remedy = Remedy(*REMEDIES)
        due: dict[Change, None] = {}

        def once() -> None:
            with self._cursor() as cursor:
                left = changes(cursor, remedy)
                # What was made before a connection was lost is not due to the next try.
                due.update(dict.fromkeys(left))
                if not dry_run:
                    create(cursor, left, remedy)

        retried(once)
        return [change.sql if dry_run else change.what for change in due]

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
                raise failed(error, str(self), "SET statement_timeout") from error
            self._check_lake(cursor)
            yield cursor
        finally:
            with suppress(*ERRORS):
                connection.close()

    def _check_lake(self, cursor: RedshiftCursor) -> None:
        # etl_load would say that days are done which another lake does not have.
        made_for = (str(self), lake_root())
        if made_for not in _checked:
            check_lake(cursor)
            _checked.add(made_for)

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
            return _read_wholly(redshift_connector.connect(**arguments))
        except (BotoCoreError, ClientError) as error:
            raise aws.explained(error, f"{self}: a login by IAM") from error
        except ERRORS as error:
            _close_what_failed(error)
            raise unreachable(error, str(self)) from error

    def _commit(self, cursor: RedshiftCursor) -> None:
        try:
            cursor.connection.commit()
        except ERRORS as error:
            if is_lost(error):
                raise SourceUnavailable(
                    f"{self}: COMMIT was not answered; look whether it is done. {text_of(error)}"
                ) from error
            raise failed(error, str(self), "COMMIT") from error


def _close_what_failed(error: Exception) -> None:
    """Close the connection whose login failed; the connector leaves it open, and gives it to nobody."""
    for frame, _ in traceback.walk_tb(error.__traceback__):
        connection = frame.f_locals.get("self")
        if isinstance(connection, redshift_connector.Connection):
            with suppress(*ERRORS):
                connection.close()
            return


def _read_wholly(connection: Any) -> Any:
    """Return a connection that fails where a message ends early: the connector would take the part for the whole."""
    read = connection._read

    def read_all(length: int) -> bytes:
        data = read(length)
        if len(data) < length:
            raise ConnectionError("the server closed it")
        return data

    connection._read = read_all
    return connection
