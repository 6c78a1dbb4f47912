"""A session of the twin of Redshift: the embedded warehouse executes its SQL, with the transactions of a server."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext, suppress
from datetime import datetime, timezone
from typing import Any, NamedTuple

import duckdb
from redshift_cluster import Cluster
from redshift_isolation import Footprint
from redshift_refusals import UNREADABLE, as_redshift_says
from redshift_types import Column, type_of
from redshift_wire import Refused

from pipeline.core.errors import PipelineError
from pipeline.core.sql_text import words
from pipeline.core.warehouse.embedded.dialect import translate
from pipeline.core.warehouse.embedded.duck import DuckCursor
from pipeline.core.warehouse.embedded.relation import Relations
from pipeline.core.warehouse.grammar import parse
from pipeline.core.warehouse.statements import Lock

IDLE, OPEN, FAILED = "I", "T", "E"
ENDS = {"COMMIT": "COMMIT", "END": "COMMIT", "ROLLBACK": "ROLLBACK", "ABORT": "ROLLBACK"}
BEGINS = {"BEGIN", "START"}


class Result(NamedTuple):
    """How a statement ended, and its rows."""

    tag: str
    rows: Sequence[tuple] = ()


class Session:
    """What one client does. `status` is as the protocol has it: idle, in a transaction, in a failed one."""

    def __init__(self, cluster: Cluster, pid: int, user: str, hang_up: Callable[[], None]) -> None:
        self.cluster, self.pid, self.user, self.hang_up = cluster, pid, user, hang_up
        self.connection = cluster.connection.cursor()
        self.connection.execute("SET TimeZone = 'UTC'; SET integer_division = true; SET search_path = 'public,main'")
        self.connection.execute(f"CREATE OR REPLACE TEMP MACRO pg_backend_pid() AS {pid}")
        self.cursor = DuckCursor(self.connection, in_transaction=False)
        self.status, self.is_terminated = IDLE, False
        self.footprint: Footprint | None = None
        self.timeout_seconds = 0.0
        self.since = _now()

    def describe(self, sql: str, kinds: Sequence[str]) -> list[Column] | None:
        """Return the columns that a statement with parameters of these types would give, or None if it gives none."""
        self.check_status(sql)
        if words(sql)[0].upper() not in ("SELECT", "WITH"):
            return None
        with self._telling_errors(sql), self._limited():
            if terminated_pid(sql) is not None:
                return [Column("pg_terminate_backend", type_of("INTEGER"))]
            self.cluster.locks.wait_for(self, sql, self.deadline)
            self._begin_if_due()
            self._show_locks(sql)
            nulls = {str(number): None for number, _ in enumerate(kinds, start=1)}
            query = translate(sql, nulls, Relations(self.cursor.catalogue).rewrite).sql
            found = self.connection.execute(f"DESCRIBE {query}").fetchall()
            return [Column(name, type_of(kind)) for name, kind, *_ in found]

    def execute(self, sql: str, values: Mapping[str, Any]) -> Result:
        """Return how a statement ended. Raises Refused, and then the transaction has failed."""
        self.check_status(sql)
        first = words(sql)[0].upper()
        if first in BEGINS:
            self.status, self.since = OPEN, _now()
            return Result("BEGIN")
        if first in ENDS:
            return Result(self._end(ENDS[first]))
        if first == "SET":
            self._set(sql)
            return Result("SET")
        with self._telling_errors(sql), self._limited():
            return self._run(first, sql, values)

    def check_status(self, sql: str) -> None:
        if self.status == FAILED and words(sql)[0].upper() not in ENDS:
            raise Refused("25P02", "current transaction is aborted, commands ignored until end of transaction block")

    def fail(self, sql: str) -> None:
        """Undo the transaction of a statement that failed; it stays failed until the client ends it."""
        self._undo()
        is_over = self.status == IDLE or words(sql)[0].upper() in ENDS
        self.status = IDLE if is_over else FAILED

    def terminate(self) -> None:
        """End whatever the session is at; its thread then finds the connection closed."""
        self.is_terminated = True
        self.connection.interrupt()
        self.hang_up()
        with self.cluster.locks.changed:
            self.cluster.locks.changed.notify_all()

    def close(self) -> None:
        self._undo()
        self.connection.close()

    def _run(self, first: str, sql: str, values: Mapping[str, Any]) -> Result:
        pid = terminated_pid(sql)
        if pid is not None:
            return Result("SELECT", [(int(self.cluster.terminate(pid)),)])
        statement = parse(sql)
        if isinstance(statement, Lock) and self.status == OPEN:
            self.cluster.locks.take(self, statement.tables, self.deadline)
        else:
            self.cluster.locks.wait_for(self, sql, self.deadline)
        self._begin_if_due()
        self._show_locks(sql)
        self.cursor.in_transaction = self.status == OPEN
        if self.footprint and statement is None:
            self.footprint.note(sql)
        is_external = statement is not None and not isinstance(statement, Lock)
        with self.cluster.catalogue_turn if is_external else nullcontext():
            self.cursor.execute(sql, values)
        return Result(_tag(first, self.cursor.rowcount), self.cursor.fetchall())

    def _begin_if_due(self) -> None:
        # As in Redshift, the snapshot is taken at the first look, and LOCK is none.
        if self.status == OPEN and not self.footprint:
            self.connection.begin()
            self.footprint = self.cluster.isolation.begin()

    def _end(self, how: str) -> str:
        tag = "ROLLBACK" if self.status == FAILED else how
        try:
            if tag == "COMMIT" and self.footprint:
                with self.cluster.isolation.ending(self.footprint):
                    self.connection.commit()
                self.footprint = None
        except duckdb.Error as error:
            raise as_redshift_says(error) from error
        finally:
            self._undo()
            self.status = IDLE
        return tag

    def _undo(self) -> None:
        if self.footprint:
            # DuckDB may have given the transaction up already.
            with suppress(duckdb.Error):
                self.connection.rollback()
        self.footprint = None
        self.cluster.locks.release(self)

    def _set(self, sql: str) -> None:
        limit = re.search(r"\bstatement_timeout\s*(?:=|to)\s*'?(\d+)", sql, re.IGNORECASE)
        if limit:
            self.timeout_seconds = int(limit[1]) / 1000

    def _show_locks(self, sql: str) -> None:
        if "svv_transactions" in sql.lower():
            self.cluster.locks.show(self.cursor.catalogue)

    @contextmanager
    def _limited(self) -> Iterator[None]:
        """Hold a statement to statement_timeout, waiting for locks included."""
        seconds = self.timeout_seconds or 86_400
        self.deadline = time.monotonic() + seconds
        watch = threading.Timer(seconds, self.connection.interrupt)
        watch.daemon = True
        watch.start()
        try:
            yield
        finally:
            watch.cancel()

    @contextmanager
    def _telling_errors(self, sql: str) -> Iterator[None]:
        """Raise what goes wrong as Redshift would say it, and undo the transaction."""
        try:
            yield
        except Refused:
            self.fail(sql)
            raise
        except (PipelineError, duckdb.Error, *UNREADABLE) as error:
            self.fail(sql)
            raise as_redshift_says(error) from error


def terminated_pid(sql: str) -> int | None:
    """Return which session a statement wants to end, or None if it is another statement."""
    found = re.fullmatch(r"\s*select\s+pg_terminate_backend\s*\(\s*(\d+)\s*\)\s*", sql, re.IGNORECASE)
    return int(found[1]) if found else None


def _tag(first: str, count: int) -> str:
    if first == "INSERT":
        return f"INSERT 0 {count}"
    return f"{first} {count}" if first in ("UPDATE", "DELETE") else "SELECT" if first == "WITH" else first


def _now() -> datetime:
    return datetime.now(timezone.utc).replace(tzinfo=None)
