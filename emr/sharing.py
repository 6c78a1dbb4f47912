"""Steps that several runs wait for, and that one of them has cancelled because it was stopped."""

from __future__ import annotations

import time

from emr.api import Step
from emr.ledger import CANCELLED, SUBMITTED, Kept, Ledger

# A cancelled step, and one that ended with its cluster.
ENDED = frozenset({"CANCELLED", "INTERRUPTED"})
# Whoever is stopped cancels first, and says so then.
PATIENCE_SECONDS = 10.0
LOOK_SECONDS = 0.5


def is_given_up(ledger: Ledger, key: str, kept: Kept, step: Step) -> bool:
    """Say whether a step ended because another run, which answered for it, was stopped; then it may be made again."""
    if step.state not in ENDED or kept.entry.lease.is_mine():
        return False
    until = time.monotonic() + PATIENCE_SECONDS
    while True:
        current = ledger.read(key)
        if current is None or current.entry.inputs != kept.entry.inputs:
            return False
        if current.entry.name != kept.entry.name:
            return True
        if current.entry.state != SUBMITTED or time.monotonic() > until:
            return current.entry.state == CANCELLED
        time.sleep(LOOK_SECONDS)
