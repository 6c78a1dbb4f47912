"""Slots of clusters, which keep their users from standing in one another's way: each is a file, locked by a put."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import PurePosixPath
from typing import Any

from emr.api import OPEN, Emr
from emr.errors import LedgerUnreadable
from emr.lease import Lease, long_lease, now
from emr.ledger import FOLDER, Store
from emr.submission import SKEW

SLOTS = f"{FOLDER}/_pool"


@dataclass(frozen=True)
class Slot:
    """A slot: the submission that has it, or none, who answers for that, and since when."""

    name: str
    lease: Lease
    taken_at: str


@dataclass(frozen=True)
class KeptSlot:
    """A slot as it was read, and the version that a replacement says it saw."""

    number: int
    slot: Slot
    version: str


class Slots:
    """The slots of the clusters of a pool."""

    def __init__(self, emr: Emr, store: Store) -> None:
        self.emr, self.store = emr, store

    def free(self, cluster_id: str, count: int) -> dict[int, KeptSlot | None]:
        """Return the slots that nobody has; a slot that nobody ever had is None."""
        known = {kept.number: kept for kept in self._of(cluster_id)}
        return {
            number: kept
            for number in range(count)
            if (kept := known.get(number)) is None or self._is_free(cluster_id, kept.slot)
        }

    def take(self, cluster_id: str, number: int, over: KeptSlot | None, name: str) -> bool:
        """Have a submission take a slot, and say whether nobody was faster."""
        return self._write(cluster_id, number, Slot(name, long_lease(), now().isoformat()), over)

    def keep(self, cluster_id: str, name: str) -> None:
        """Renew the lease of a submission's slot, or answer for it if nobody does any more."""
        for kept in self._of(cluster_id):
            lease = kept.slot.lease
            if kept.slot.name == name and ((lease.is_mine() and lease.is_due()) or lease.is_over()):
                self._write(cluster_id, kept.number, dataclasses.replace(kept.slot, lease=long_lease()), kept)

    def give_back(self, cluster_id: str, name: str) -> None:
        """Have the slot of a submission be free, unless somebody else answers for it."""
        for kept in self._of(cluster_id):
            if kept.slot.name == name and (kept.slot.lease.is_mine() or kept.slot.lease.is_over()):
                self._write(cluster_id, kept.number, dataclasses.replace(kept.slot, name=""), kept)

    def _is_free(self, cluster_id: str, slot: Slot) -> bool:
        """Say whether nobody has a slot: its owner may be gone, and the steps still go on."""
        if not slot.name:
            return True
        if not slot.lease.is_over():
            return False
        since = datetime.fromisoformat(slot.taken_at) - SKEW
        return not any(step.state in OPEN for step in self.emr.named(cluster_id, slot.name, since))

    def _of(self, cluster_id: str) -> Iterator[KeptSlot]:
        for listed in self.store.list(f"{SLOTS}/{cluster_id}"):
            kept = self._read(listed.path)
            if kept:
                yield kept

    def _read(self, path: str) -> KeptSlot | None:
        found = self.store.read(path)
        if found is None:
            return None
        try:
            values: dict[str, Any] = json.loads(found.data)
            slot = Slot(**values | {"lease": Lease(**values["lease"])})
            return KeptSlot(int(PurePosixPath(path).stem), slot, found.version)
        except (ValueError, KeyError, TypeError) as error:
            raise LedgerUnreadable(f"{path} in the lake is no slot of a cluster: {error!r}") from error

    def _write(self, cluster_id: str, number: int, slot: Slot, over: KeptSlot | None) -> bool:
        path, data = f"{SLOTS}/{cluster_id}/{number}.json", json.dumps(dataclasses.asdict(slot)).encode() + b"\n"
        if over is None:
            self.store.create(path, data)
        else:
            self.store.replace(path, data, over.version)
        # The reply to a put that arrived may have been lost.
        kept = self._read(path)
        return kept is not None and kept.slot == slot
