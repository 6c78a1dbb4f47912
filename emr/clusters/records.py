"""What is known of the clusters that Lakeshift makes: written before EMR is asked, as the ledger is for steps."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any, Protocol

from emr.errors import LedgerUnreadable
from emr.lease import Lease, long_lease
from emr.ledger import FOLDER, Store

CLUSTERS, POOL_CLUSTERS = f"{FOLDER}/_cluster", f"{FOLDER}/_pool_cluster"
# A cluster is intended until its id is stored, and ending from when its owner decided so.
INTENT, LIVE, ENDING = "INTENT", "LIVE", "ENDING"


class DeletingStore(Store, Protocol):
    """Files with conditional puts, which can be deleted."""

    def delete(self, paths: Iterable[str]) -> None: ...


@dataclass(frozen=True)
class Record:
    """A cluster: its name at EMR, who answers for it, what it is made of, and how it stands."""

    name: str
    generation: int
    owner: str
    lease: Lease
    kind: str
    cluster_id: str
    state: str
    created_at: str


@dataclass(frozen=True)
class KeptRecord:
    """A record as it was read, or written, and the version that a replacement says it saw."""

    key: str
    record: Record
    version: str


class Records:
    """The records of a lake, each by its key: of the clusters of runs, or of those of pools."""

    def __init__(self, store: DeletingStore, folder: str = CLUSTERS) -> None:
        self.store, self.folder = store, folder

    def read(self, key: str) -> KeptRecord | None:
        """Return a record, or None. Raises LedgerUnreadable if what is there is none."""
        found = self.store.read(self._path(key))
        if found is None:
            return None
        try:
            values: dict[str, Any] = json.loads(found.data)
            return KeptRecord(key, Record(**values | {"lease": Lease(**values["lease"])}), found.version)
        except (ValueError, KeyError, TypeError) as error:
            raise LedgerUnreadable(f"{self._path(key)} in the lake is no record of a cluster: {error!r}") from error

    def __iter__(self) -> Iterator[KeptRecord]:
        for listed in self.store.list(self.folder):
            kept = self.read(PurePosixPath(listed.path).stem)
            if kept:
                yield kept

    def write(self, key: str, record: Record, over: KeptRecord | None) -> KeptRecord | None:
        """Put a record where another was seen, or none; return it, or None if somebody else was faster."""
        data = json.dumps(dataclasses.asdict(record), indent=1).encode() + b"\n"
        if over is None:
            self.store.create(self._path(key), data)
        else:
            self.store.replace(self._path(key), data, over.version)
        # The reply to a put that arrived may have been lost.
        kept = self.read(key)
        return kept if kept and kept.record == record else None

    def mark(self, kept: KeptRecord, **changes: Any) -> KeptRecord | None:
        """Change a record that was read; None as with write."""
        return self.write(kept.key, dataclasses.replace(kept.record, **changes), kept)

    def remove(self, kept: KeptRecord) -> None:
        self.store.delete([self._path(kept.key)])

    def _path(self, key: str) -> str:
        return f"{self.folder}/{key}.json"


def lease_of(owner: str) -> Lease:
    """Return a lease that begins now for a process, which may be another one of this host."""
    return dataclasses.replace(long_lease(), owner=owner)
