"""The records in the lake: found by their names, read only where they are wanted."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, timezone
from itertools import islice

from pipeline.core.history.records import FOLDER, Name, Record, month_path
from pipeline.core.lake import lake
from pipeline.core.store import Store

log = logging.getLogger(__name__)
READ_AT_ONCE = 16


def records(since: datetime, until: datetime | None = None) -> Iterator[Record]:
    """Yield the records of the runs that began between two moments (or until now), the newest first, a few at a time.

    It costs a listing a month, and a read for each record that is taken.
    """
    store = lake().store
    until = until or datetime.now(timezone.utc)
    found = (name for month in months(since, until) for name in names(store, month))
    yield from read(store, (name for name in found if since <= name.began_at <= until))


def months(since: datetime, until: datetime) -> Iterator[datetime]:
    """Yield a moment in each month between two, the latest first."""
    month = until
    while month.date() >= since.date().replace(day=1):
        yield month
        month = month.replace(day=1) - timedelta(days=1)


def names(store: Store, month: datetime) -> list[Name]:
    """Return the names of the records of a month, the newest first; by one listing."""
    found = (Name.of(listed.path) for listed in store.list(month_path(month)))
    return sorted(filter(None, found), key=lambda name: name.id, reverse=True)


def read(store: Store, wanted: Iterable[Name]) -> Iterator[Record]:
    """Yield the records of some names in their order, several of which are read at once."""
    wanted = iter(wanted)
    with ThreadPoolExecutor(READ_AT_ONCE) as pool:
        while some := list(islice(wanted, READ_AT_ONCE)):
            yield from filter(None, pool.map(lambda name: _read(store, name), some))


def _read(store: Store, name: Name) -> Record | None:
    found = store.read(name.path)
    try:
        # None: it was removed meanwhile.
        return Record.from_json(found.data) if found else None
    except (ValueError, KeyError, TypeError) as error:
        log.warning("%s is no record of a run, and is passed over: %r", store.url(name.path), error)
        return None


def old_records(store: Store, before: datetime) -> list[str]:
    """Return the paths of the records of runs that began before a moment; by one listing."""
    found = (Name.of(listed.path) for listed in store.list(FOLDER))
    return [name.path for name in found if name and name.began_at < before]
