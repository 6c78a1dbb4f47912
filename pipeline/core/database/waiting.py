"""Says who has what a transaction of PostgreSQL waits for."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from typing import Any

from pipeline.core.errors import PipelineError, SourceUnavailable

# By the time that one was told to wait no longer, pg_blocking_pids does not know whom one waited for.
# A reader is in the way of LOCK and ALTER only, so whoever does more comes first.
# https://www.postgresql.org/docs/current/view-pg-locks.html
HOLDERS = """
SELECT holders.pid, holders.usename, holders.xact_start
FROM pg_locks AS locks
INNER JOIN pg_stat_activity AS holders ON locks.pid = holders.pid
LEFT JOIN pg_class AS tables ON locks.relation = tables.oid
WHERE
    locks.granted AND holders.pid <> pg_backend_pid() AND holders.datname = current_database()
    AND (
        tables.relname::text = ANY(%(words)s)
        OR (locks.locktype = 'advisory' AND 'pg_advisory_xact_lock' = ANY(%(words)s))
    )
ORDER BY locks.mode = 'AccessShareLock', holders.xact_start
LIMIT 1
"""

Query = Callable[[str, dict[str, Any]], list[tuple[Any, ...]]]


def busy(query: Query, statement: str, seconds: int) -> SourceUnavailable:
    """Return the error of a statement that waited in vain for what others have, with who they are."""
    waited = f"{' '.join(statement.split())[:100]} waited {seconds} s ([database] wait_seconds) for another transaction"
    try:
        holders = query(HOLDERS, {"words": re.findall(r"\w+", statement)})
    except PipelineError as error:
        return SourceUnavailable(f"{waited}; PostgreSQL does not say for whose: {error}")
    if not holders:
        return SourceUnavailable(f"{waited}, which has ended by now. Run it again.")
    [(pid, user, since)] = holders
    return SourceUnavailable(
        f"{waited}: that of {user}, process {pid}{_since(since)}. Wait for it, or end it with"
        f" SELECT pg_terminate_backend({pid}); then run this again."
    )


def _since(instant: datetime | None) -> str:
    # Of others' sessions a user sees no more than who they are.
    return f", since {instant:%Y-%m-%d %H:%M:%S} UTC" if instant else ""
