"""What executes statements in Redshift, with limits on how long they take."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from pipeline.core.errors import PipelineError, SourceUnavailable
from pipeline.core.sql_text import opening, with_lists, words
from pipeline.core.warehouse.base import Parameters
from pipeline.core.warehouse.grammar import parse
from pipeline.core.warehouse.redshift.errors import CANCELLED, ERRORS, code_of, failed, is_lost, is_silence
from pipeline.core.warehouse.redshift.locks import busy
from pipeline.core.warehouse.statements import Lock

if TYPE_CHECKING:
    from pipeline.core.warehouse.redshift import RedshiftWarehouse

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
        statement, params = with_lists(sql, params or {})
        try:
            if [word.upper() for word in words(sql)[:1]] == ["LOCK"]:
                self._lock(sql)
            else:
                # Without parameters a % stands for itself.
                self.cursor.execute(statement, params or None)
        except KeyError as error:
            raise PipelineError(f"{opening(sql)}: no value was given for {error}") from error
        except ERRORS as error:
            self.is_lost = is_lost(error)
            in_transaction = not self.connection.autocommit
            raise failed(error, str(self.warehouse), opening(sql), in_transaction) from error
        return self

    def fetchone(self) -> Any:
        return self.cursor.fetchone() if self.description else None

    def fetchall(self) -> list[Any]:
        return list(self.cursor.fetchall()) if self.description else []

    def roll_back(self) -> None:
        """Undo the transaction. A connection that is lost, or does not answer, has nothing to say about that either."""
        if not self.is_lost:
            with suppress(*ERRORS):
                self.connection.rollback()

    def limit(self, seconds: int) -> None:
        """Let no later statement take longer; 0 is for ever. A server that is silent after that is given up."""
        # The connector has one timeout for connecting and for reading, and no way to change it.
        self.connection._usock.settimeout(seconds + GRACE_SECONDS if seconds else None)
        # A workgroup that was idle answers its first statement late, so that is no matter of connecting either.
        self.cursor.execute(f"SET statement_timeout TO {seconds * 1000}")

    def _lock(self, sql: str) -> None:
        settings = self.warehouse.settings
        self.limit(settings.wait_seconds)
        try:
            self.cursor.execute(sql)
        except ERRORS as error:
            self.is_lost = is_lost(error)
            if code_of(error) != CANCELLED and not is_silence(error):
                raise
            raise self._busy(sql, settings.wait_seconds) from error
        self.limit(settings.statement_seconds)

    def _busy(self, sql: str, seconds: int) -> SourceUnavailable:
        statement = parse(sql)
        assert isinstance(statement, Lock)  # noqa: S101 - it begins with LOCK
        return busy(self.warehouse.query, statement.tables[0], seconds)
