"""A submission is answered for by one of those who wait for it, for as long as one does."""

from __future__ import annotations

import logging
import time
from typing import Any

from emr.lease import long_lease, this_host
from emr.ledger import SUBMITTED, Kept, Ledger

log = logging.getLogger(__name__)
AGAIN_SECONDS = 30.0


class Holding:
    """A submission that this process waits for; its lease is this one's, or that of another who waits."""

    def __init__(self, ledger: Ledger, key: str, kept: Kept) -> None:
        self.ledger, self.key, self.kept = ledger, key, kept
        # Its end is written down, or another submission has taken its place.
        self.is_settled = False
        self._not_before = 0.0

    def keep(self) -> None:
        """Renew the lease when it is due, and take it when nobody has it any more; called about every second."""
        changes = self._due()
        if not changes or self.is_settled or time.monotonic() < self._not_before:
            return
        try:
            self._mark(**changes)
        except Exception as error:
            # What is waited for goes on without the ledger, which may be away for a while.
            log.warning("The lease of %s could not be renewed: %s", self.kept.entry.name, error)
            self._not_before = time.monotonic() + AGAIN_SECONDS

    def _due(self) -> dict[str, Any]:
        """Return what is to be changed of the entry now."""
        entry = self.kept.entry
        if entry.lease.is_due() if entry.lease.is_mine() else entry.lease.is_over():
            return {"lease": long_lease()}
        # Were the owner to die, it would be seen on its own host long before this process can take the lease.
        is_known = this_host() in (entry.lease.host, *entry.hosts)
        return {} if is_known else {"hosts": (*entry.hosts, this_host())}

    def end(self, state: str) -> None:
        """Write down how the steps ended, unless that was done, or another submission has taken their place."""
        if not self.is_settled and not self._mark(state=state) and not self.is_settled:
            # Whoever has the lease renewed it just now.
            self._mark(state=state)

    def _mark(self, **changes: object) -> bool:
        """Change the entry and say so, or see what another made of it."""
        marked = self.ledger.mark(self.key, self.kept, **changes)
        current = marked or self.ledger.read(self.key)
        if marked or (current and current.entry.name == self.kept.entry.name and current.entry.state == SUBMITTED):
            self.kept = current or self.kept
        else:
            self.is_settled = True
        return marked is not None
