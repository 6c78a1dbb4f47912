"""What an earlier run submitted is found again, and used."""

from __future__ import annotations

import logging
import time
from datetime import datetime, timedelta

from emr.api import COMPLETED as STEP_COMPLETED
from emr.api import Emr, Step
from emr.lease import long_lease, now
from emr.ledger import COMPLETED, INTENT, SUBMITTED, Entry, Kept, Ledger
from emr.submission import named_steps, since
from emr.work import Work

log = logging.getLogger(__name__)
# How long after its sender is gone a call may still come to EMR, and its steps be listed.
SETTLING = timedelta(seconds=10)
LOOK_SECONDS = 1.0
USABLE = frozenset({"PENDING", "RUNNING", STEP_COMPLETED})


def adopt(emr: Emr, ledger: Ledger, work: Work, seen: Kept | None) -> Kept | None:
    """Return what was seen in the ledger if its steps are waiting, running or done, or None."""
    if seen is None or seen.entry.inputs != work.inputs or seen.entry.state not in (INTENT, SUBMITTED, COMPLETED):
        return None
    kept = seen if seen.entry.step_ids else _answered(emr, ledger, work, seen)
    if kept is None or not _is_usable(emr, work, kept.entry):
        return None
    log.info("%s was submitted before, and is adopted.", kept.entry.name)
    if kept.entry.state == COMPLETED:
        return kept
    # Whoever adopts what nobody owns any more answers for it, and cancels it when the run is stopped.
    taken = ledger.mark(work.key, kept, lease=long_lease()) if kept.entry.lease.is_over() else None
    # Or another does since just now.
    return taken or kept


def find(emr: Emr, ledger: Ledger, key: str, seen: Kept) -> tuple[str, ...]:
    """Return the ids of all steps of an intent that nobody answered, or none once no more can come."""
    until, last, entry = _settled_at(seen.entry), seen, seen.entry
    while True:
        steps = emr.named(entry.cluster_id, entry.name, since(entry))
        current = ledger.read(key)
        if _are_all(steps):
            return tuple(step.id for step in steps)
        if current is None or current.entry.name != entry.name or current.entry.state != INTENT or now() > until:
            return ()
        if current != last:
            # EMR took no steps, and whoever submits sends them again.
            until, last = _settled_at(current.entry), current
        time.sleep(LOOK_SECONDS)


def _answered(emr: Emr, ledger: Ledger, work: Work, seen: Kept) -> Kept | None:
    """Return the intent with the ids of its steps, which the ledger now has too."""
    entry = seen.entry
    again = emr.add_again(entry.cluster_id, named_steps(work, entry, in_order=True), since(entry))
    ids = again or find(emr, ledger, work.key, seen)
    return ledger.mark(work.key, seen, step_ids=ids, state=SUBMITTED) if ids else None


def _settled_at(entry: Entry) -> datetime:
    """Return when no step of an intent can come any more."""
    is_sent = entry.lease.is_void() or entry.lease.is_mine()
    return min(now() + SETTLING, entry.lease.ends_at) if is_sent else entry.lease.settled_at()


def _are_all(steps: list[Step]) -> bool:
    """Say whether these are all steps of a submission: their names end with 1/3, 2/3, 3/3."""
    return bool(steps) and len(steps) == int(steps[0].name.rpartition("/")[2])


def _is_usable(emr: Emr, work: Work, entry: Entry) -> bool:
    if entry.state == COMPLETED:
        return work.has_result(entry.attempt)
    steps = emr.steps(entry.cluster_id, entry.step_ids)
    if len(steps) < len(entry.step_ids) or any(step.state not in USABLE for step in steps):
        return False
    return any(step.state != STEP_COMPLETED for step in steps) or work.has_result(entry.attempt)
