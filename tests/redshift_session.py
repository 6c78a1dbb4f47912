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
from redshift_wire import Column, Refused, type_of

from pipeline.core.errors import PipelineError
from pipeline.core.warehouse import catalogue
from pipeline.core.warehouse.dialect import translate
from pipeline.core.warehouse.duck import DuckCursor
from pipeline.core.warehouse.grammar import parse
from pipeline.core.warehouse.opening import SETTINGS
from pipeline.core.warehouse.relation import Relations
from pipeline.core.warehouse.statements import Lock, TableName
from pipeline.core.warehouse.text import words

IDLE, OPEN, FAILED = "I", "T", "E"
ENDS = {"COMMIT": "COMMIT", "END": "COMMIT", "ROLLBACK": "ROLLBACK", "ABORT": "ROLLBACK"}
BEGINS = {"BEGIN", "START"}
CANCELLED = Refused("57014", "Query (1) cancelled on user's request")
NOW_LOCKED = """
CREATE OR REPLACE TEMP TABLE svv_transactions AS
SELECT
    CAST(lock.owner AS VARCHAR) AS txn_owner, 'dev' AS txn_db, CAST(lock.pid AS BIGINT) AS xid,
    CAST(lock.pid AS INTEGER) AS pid, CAST(lock.start AS TIMESTAMP) AS txn_start,
    'AccessExclusiveLock' AS lock_mode, 'relation' AS lockable_object_type,
    CAST(pg_class.oid AS INTEGER) AS relation, TRUE AS granted
FROM (
    SELECT unnest($owners) AS owner, unnest($pids) AS pid, unnest($starts) AS start,
    unnest($schemas) AS schema, unnest($names) AS name
) AS lock
JOIN pg_namespace ON pg_namespace.nspname = lock.schema
JOIN pg_class ON pg_class.relname = lock.name AND pg_class.relnamespace = pg_namespace.oid
"""


class Result(NamedTuple):
    """How a statement ended, and its rows."""

    tag: str
    rows: Sequence[tuple] = ()


class Locks:
    """Which session has which table to itself."""

    def __init__(self) -> None:
        self.holders: dict[TableName, Session] = {}
        self.changed = threading.Condition()

    def take(self, session: Session, tables: Sequence[TableName], deadline: float) -> None:
        with self.changed:
            for table in tables:
                while self.holders.get(table, session) is not session:
                    if session.is_terminated or time.monotonic() >= deadline:
                        raise CANCELLED
                    self.changed.wait(min(1, deadline - time.monotonic()))
                self.holders[table] = session

    def release(self, session: Session) -> None:
        with self.changed:
            self.holders = {table: holder for table, holder in self.holders.items() if holder is not session}
            self.changed.notify_all()


class Cluster:
    """The one database that all sessions share. It is empty but for the catalogue, as a new Redshift is."""

    def __init__(self) -> None:
        self.connection = duckdb.connect(":memory:", config=SETTINGS)
        self.connection.execute(catalogue.CREATE)
        self.locks = Locks()
        self.catalogue_turn = threading.Lock()
        self.sessions: dict[int, Session] = {}

    def terminate(self, pid: int) -> bool:
        """End a session, and return whether it was there."""
        session = self.sessions.get(pid)
        if session:
            session.terminate()
        return session is not None


class Session:
    """What one client does. `status` is as the protocol has it: idle, in a transaction, in a failed one."""

    def __init__(self, cluster: Cluster, pid: int, user: str, hang_up: Callable[[], None]) -> None:
        self.cluster, self.pid, self.user, self.hang_up = cluster, pid, user, hang_up
        self.connection = cluster.connection.cursor()
        self.connection.execute("SET TimeZone = 'UTC'; SET integer_division = true; SET search_path = 'public,main'")
        self.connection.execute(f"CREATE OR REPLACE TEMP MACRO pg_backend_pid() AS {pid}")
        self.cursor = DuckCursor(self.connection, in_transaction=False)
        self.status, self.has_begun, self.is_terminated = IDLE, False, False
        self.timeout_seconds = 0.0
        self.since = _now()

    def describe(self, sql: str, kinds: Sequence[str]) -> list[Column] | None:
        """Return the columns that a statement with parameters of these types would give, or None if it gives none."""
        self.check_status(sql)
        if words(sql)[0].upper() not in ("SELECT", "WITH"):
            return None
        with self._telling_errors():
            if terminated_pid(sql) is not None:
                return [Column("pg_terminate_backend", type_of("INTEGER"))]
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
        with self._telling_errors(), self._limited():
            return self._run(first, sql, values)

    def check_status(self, sql: str) -> None:
        if self.status == FAILED and words(sql)[0].upper() not in ENDS:
            raise Refused("25P02", "current transaction is aborted, commands ignored until end of transaction block")

    def fail(self) -> None:
        """Undo the transaction; one that was begun stays failed until the client ends it."""
        self._undo()
        self.status = IDLE if self.status == IDLE else FAILED

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
        self._begin_if_due()
        self._show_locks(sql)
        self.cursor.in_transaction = self.status == OPEN
        is_external = statement is not None and not isinstance(statement, Lock)
        with self.cluster.catalogue_turn if is_external else nullcontext():
            self.cursor.execute(sql, values)
        return Result(_tag(first, self.cursor.rowcount), self.cursor.fetchall())

    def _begin_if_due(self) -> None:
        # As in Redshift, the snapshot is taken at the first look, and LOCK is none.
        if self.status == OPEN and not self.has_begun:
            self.connection.begin()
            self.has_begun = True

    def _end(self, how: str) -> str:
        if how == "COMMIT" and self.has_begun and self.status == OPEN:
            with self._telling_errors():
                self.connection.commit()
            self.has_begun = False
        tag = "ROLLBACK" if self.status == FAILED else how
        self._undo()
        self.status = IDLE
        return tag

    def _undo(self) -> None:
        if self.has_begun:
            # DuckDB may have given the transaction up already.
            with suppress(duckdb.Error):
                self.connection.rollback()
        self.has_begun = False
        self.cluster.locks.release(self)

    def _set(self, sql: str) -> None:
        limit = re.search(r"\bstatement_timeout\s*(?:=|to)\s*'?(\d+)", sql, re.IGNORECASE)
        if limit:
            self.timeout_seconds = int(limit[1]) / 1000

    def _show_locks(self, sql: str) -> None:
        if "svv_transactions" in sql.lower():
            held = list(self.cluster.locks.holders.items())
            self.cursor.catalogue.rows(
                NOW_LOCKED,
                owners=[holder.user for _, holder in held], pids=[holder.pid for _, holder in held],
                starts=[holder.since for _, holder in held], schemas=[table.schema for table, _ in held],
                names=[table.name for table, _ in held],
            )  # fmt: skip

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
    def _telling_errors(self) -> Iterator[None]:
        """Raise what goes wrong as Redshift would say it, and undo the transaction."""
        try:
            yield
        except Refused:
            self.fail()
            raise
        except (PipelineError, duckdb.Error) as error:
            self.fail()
            raise as_redshift_says(error) from error


def terminated_pid(sql: str) -> int | None:
    """Return which session a statement wants to end, or None if it is another statement."""
    found = re.fullmatch(r"\s*select\s+pg_terminate_backend\s*\(\s*(\d+)\s*\)\s*", sql, re.IGNORECASE)
    return int(found[1]) if found else None


def as_redshift_says(error: Exception) -> Refused:
    """Return an error of the embedded warehouse with the code that Redshift gives."""
    cause = error.__cause__ if isinstance(error.__cause__, duckdb.Error) else error
    message = str(error).splitlines()[0]
    if isinstance(cause, duckdb.InterruptException):
        return CANCELLED
    if isinstance(cause, duckdb.TransactionException):
        detail = "Serializable isolation violation on table - 100, transactions forming the cycle are: 1, 2 (pid:1)"
        return Refused("XX000", "1023", detail)
    schema = re.search(r'because schema "(\w+)" does not exist', message)
    if schema:
        return Refused("3F000", f'schema "{schema[1]}" does not exist')
    table = re.search(r'Table with name "?([\w.]+)"? does not exist|has no external table ([\w.]+)\.', message)
    if table:
        return Refused("42P01", f'relation "{table[1] or table[2]}" does not exist')
    if "inside a transaction block" in message:
        return Refused("25001", message)
    return Refused("42601" if "refuses the statement" in message else "XX000", message)


def _tag(first: str, count: int) -> str:
    if first == "INSERT":
        return f"INSERT 0 {count}"
    return f"{first} {count}" if first in ("UPDATE", "DELETE") else "SELECT" if first == "WITH" else first


def _now() -> datetime:
    return datetime.now(timezone.utc).replace(tzinfo=None)
