"""Runs the steps of one partition on EMR: once, whatever becomes of the processes that submit and watch them."""

from __future__ import annotations

import dataclasses

from emr.adoption import adopt, find
from emr.api import OPEN, Emr
from emr.errors import StepFailed, Unsettled
from emr.holding import Holding
from emr.ledger import CANCELLED, COMPLETED, FAILED, INTENT, SUBMITTED, Entry, Kept, Ledger
from emr.submission import cancel_open, since, submit
from emr.watching import watch
from emr.work import Reporter, Work

# Each of these ends with steps that are watched, or with a reason to look again.
ROUNDS = 5


def run(emr: Emr, ledger: Ledger, work: Work, reporter: Reporter) -> Entry:
    """Return the entry whose steps have made the partition: submitted now, or by an earlier run.

    Raises StepFailed when one of them fails, which ends its generation: the next run submits another.
    """
    kept = _settled(emr, ledger, work)
    try:
        reporter.tracking_url(emr.tracking_url(kept.entry.cluster_id, kept.entry.step_ids))
        if kept.entry.state != COMPLETED:
            work.watched(kept.entry)
            _watch(emr, ledger, work, kept, reporter)
    finally:
        work.clusters.give_back(kept.entry.name, kept.entry.cluster_id)
    return kept.entry


def cancel(emr: Emr, ledger: Ledger, key: str, owner: str) -> Entry | None:
    """Return the submission of a process that is gone, whose steps are now being cancelled, or None."""
    seen = ledger.read(key)
    if seen is None or seen.entry.state not in (INTENT, SUBMITTED) or seen.entry.lease.owner != owner:
        return None
    ids = seen.entry.step_ids or find(emr, ledger, key, seen)
    entry = dataclasses.replace(seen.entry, step_ids=ids)
    cancelled = cancel_open(emr, entry)
    ledger.mark(key, seen, step_ids=ids, state=CANCELLED)
    return entry if cancelled else None


def _settled(emr: Emr, ledger: Ledger, work: Work) -> Kept:
    """Return a submission whose steps are known. Raises Unsettled when EMR answers none."""
    for _ in range(ROUNDS):
        seen = ledger.read(work.key)
        kept = adopt(emr, ledger, work, seen) or submit(emr, ledger, work, seen)
        if kept:
            return kept
    raise Unsettled(f"EMR answered none of {ROUNDS} submissions to {work.clusters.what}")


def _watch(emr: Emr, ledger: Ledger, work: Work, kept: Kept, reporter: Reporter) -> None:
    name, cluster_id, holding = kept.entry.name, kept.entry.cluster_id, Holding(ledger, work.key, kept)

    def between() -> None:
        holding.keep()
        work.clusters.keep(name, cluster_id)

    try:
        watch(emr, work, kept.entry, reporter, between)
    except StepFailed:
        # The last step clears away what those before it left in HDFS.
        cancel_open(emr, kept.entry, but=kept.entry.step_ids[-1:])
        holding.end(FAILED)
        raise
    holding.end(COMPLETED)
    _cancel_strays(emr, work, kept.entry)


def _cancel_strays(emr: Emr, work: Work, entry: Entry) -> None:
    """Cancel what earlier submissions for this partition have open: a call that was long under way may bring one."""
    earlier = {f"g{number}" for number in range(1, entry.generation)}
    if not earlier:
        return
    place = len(work.title.split())
    open_steps = [step for step in emr.named(entry.cluster_id, work.title, since(entry)) if step.state in OPEN]
    strays = [step.id for step in open_steps if step.name.split()[place] in earlier]
    if strays:
        emr.cancel(entry.cluster_id, strays)
