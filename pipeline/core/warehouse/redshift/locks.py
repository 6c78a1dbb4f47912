"""Says who has a table that a load waits for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from pipeline.core.errors import PipelineError, SourceUnavailable
from pipeline.core.warehouse.statements import TableName

# https://docs.aws.amazon.com/redshift/latest/dg/r_SVV_TRANSACTIONS.html
HOLDERS = """
SELECT locks.pid, locks.txn_owner, locks.txn_start
FROM svv_transactions AS locks
INNER JOIN pg_class AS tables ON locks.relation = tables.oid
INNER JOIN pg_namespace AS schemas ON tables.relnamespace = schemas.oid
WHERE
    locks.granted AND locks.lock_mode = 'AccessExclusiveLock'
    AND schemas.nspname = %(schema)s AND tables.relname = %(name)s
"""

Query = Callable[[str, dict[str, str]], Sequence[Sequence[Any]]]


def busy(query: Query, table: TableName, seconds: int) -> SourceUnavailable:
    """Return the error of a table that others kept for as long as one waited, with who they are."""
    waited = f"{table} was kept by another transaction for {seconds} s"
    try:
        holders = query(HOLDERS, table._asdict())
    except PipelineError as error:
        return SourceUnavailable(f"{waited}; Redshift does not say whose: {error}")
    if not holders:
        return SourceUnavailable(
            f"{waited}, and is free now, or kept by a user whose transactions this one may not see"
            " (svv_transactions, as a superuser). Run it again."
        )
    pid, user, since = holders[0]
    return SourceUnavailable(
        f"{waited}: by {user}, process {pid}, since {since:%Y-%m-%d %H:%M:%S} UTC. Wait for it, or end it with"
        f" SELECT pg_terminate_backend({pid}); then run this again."
    )
