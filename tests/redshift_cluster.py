"""What the sessions of the twin of Redshift share: the database, and the locks on its tables."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterable
from typing import TYPE_CHECKING

import duckdb
from redshift_isolation import Isolation
from redshift_refusals import CANCELLED

from pipeline.core.warehouse.embedded.catalogue import CREATE, Catalogue
from pipeline.core.warehouse.embedded.opening import SETTINGS
from pipeline.core.warehouse.statements import TableName

if TYPE_CHECKING:
    from redshift_session import Session

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


class Locks:
    """Which session has which table to itself."""

    def __init__(self) -> None:
        self.holders: dict[TableName, Session] = {}
        self.changed = threading.Condition()

    def take(self, session: Session, tables: Iterable[TableName], deadline: float) -> None:
        """Give tables to a session alone. Raises Refused if another has one of them until the deadline."""
        with self.changed:
            for table in tables:
                self._wait(session, table, deadline)
                self.holders[table] = session

    def wait_for(self, session: Session, sql: str, deadline: float) -> None:
        """Wait until nobody else has a table that a statement names; LOCK is exclusive, also against readers."""
        named = sql.replace('"', "").lower()
        with self.changed:
            for table in list(self.holders):
                if re.search(rf"\b{re.escape(str(table))}\b", named):
                    self._wait(session, table, deadline)

    def _wait(self, session: Session, table: TableName, deadline: float) -> None:
        while self.holders.get(table, session) is not session:
            if session.is_terminated or time.monotonic() >= deadline:
                raise CANCELLED
            self.changed.wait(min(1, deadline - time.monotonic()))

    def show(self, catalogue: Catalogue) -> None:
        """Make svv_transactions what it is now."""
        held = list(self.holders.items())
        catalogue.rows(
            NOW_LOCKED,
            owners=[holder.user for _, holder in held], pids=[holder.pid for _, holder in held],
            starts=[holder.since for _, holder in held], schemas=[table.schema for table, _ in held],
            names=[table.name for table, _ in held],
        )  # fmt: skip

    def release(self, session: Session) -> None:
        with self.changed:
            self.holders = {table: holder for table, holder in self.holders.items() if holder is not session}
            self.changed.notify_all()


class Cluster:
    """The one database that all sessions share. It is empty but for the catalogue, as a new Redshift is."""

    def __init__(self) -> None:
        self.connection = duckdb.connect(":memory:", config=SETTINGS)
        self.connection.execute(CREATE)
        self.locks, self.isolation = Locks(), Isolation()
        self.catalogue_turn = threading.Lock()
        self.sessions: dict[int, Session] = {}

    def terminate(self, pid: int) -> bool:
        """End a session, and return whether it was there."""
        session = self.sessions.get(pid)
        if session:
            session.terminate()
        return session is not None
