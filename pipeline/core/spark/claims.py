"""Which attempts steps on EMR make, or have made and no run has committed yet."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from itertools import takewhile

from emr.errors import LedgerUnreadable
from emr.ledger import COMPLETED, INTENT, SUBMITTED, Entry, Kept, Ledger
from pipeline.core.errors import CheckFailed
from pipeline.core.lake import Dataset, Partition
from pipeline.core.lake.vacuum import Claim
from pipeline.core.spark.results import CODE
from pipeline.core.store import Store

READ_AT_ONCE = 16
UNREADABLE = "Look who wrote it, see that nothing of it runs, and remove it."


def claims(store: Store) -> Iterator[Claim]:
    """Yield the attempts of the ledger that the next run may take. Raises CheckFailed if it cannot be understood."""
    for key, kept in entries(store):
        if kept.entry.state in (INTENT, SUBMITTED, COMPLETED):
            dataset = Dataset.parse(key.rpartition("/")[0])
            since = datetime.fromisoformat(kept.entry.created_at)
            for partition in partitions_of(kept.entry):
                yield Claim(dataset, partition, kept.entry.attempt, since)


def partitions_of(entry: Entry) -> list[Partition]:
    """Return what a submission makes: a job makes partitions of the names of those that it reads."""
    locations = takewhile(lambda one: not one.startswith(CODE), entry.inputs)
    return [Partition.parse(location.rpartition("/")[2]) for location in locations]


def entries(store: Store) -> list[tuple[str, Kept]]:
    """Return the last submission for each partition, reading several at once. Raises CheckFailed as claims does."""
    ledger = Ledger(store)
    keys = list(ledger.keys())
    try:
        with ThreadPoolExecutor(READ_AT_ONCE) as pool:
            return [(key, kept) for key, kept in zip(keys, pool.map(ledger.read, keys), strict=True) if kept]
    except LedgerUnreadable as error:
        raise CheckFailed(f"{error}. {UNREADABLE}") from error
