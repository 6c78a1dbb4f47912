"""Which attempts steps on EMR make, or have made and no run has committed yet."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

from emr.errors import LedgerUnreadable
from emr.ledger import COMPLETED, INTENT, SUBMITTED, Kept, Ledger
from pipeline.core.errors import CheckFailed
from pipeline.core.lake import Dataset, Partition
from pipeline.core.lake.vacuum import Claim
from pipeline.core.store import Store

READ_AT_ONCE = 16
UNREADABLE = "Look who wrote it, see that nothing of it runs, and remove it."


def claims(store: Store) -> Iterator[Claim]:
    """Yield the attempts of the ledger that the next run may take. Raises CheckFailed if it cannot be understood."""
    for key, kept in entries(store):
        if kept.entry.state in (INTENT, SUBMITTED, COMPLETED):
            dataset, _, partition = key.rpartition("/")
            since = datetime.fromisoformat(kept.entry.created_at)
            yield Claim(Dataset.parse(dataset), Partition.parse(partition), kept.entry.attempt, since)


def entries(store: Store) -> list[tuple[str, Kept]]:
    """Return the last submission for each partition, reading several at once. Raises CheckFailed as claims does."""
    ledger = Ledger(store)
    keys = list(ledger.keys())
    try:
        with ThreadPoolExecutor(READ_AT_ONCE) as pool:
            return [(key, kept) for key, kept in zip(keys, pool.map(ledger.read, keys), strict=True) if kept]
    except LedgerUnreadable as error:
        raise CheckFailed(f"{error}. {UNREADABLE}") from error
