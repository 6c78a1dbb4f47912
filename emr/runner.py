"""Runs the steps of one partition on EMR: once, whatever becomes of the processes that submit and watch them."""

from __future__ import annotations

import dataclasses
import logging

from emr.adoption import adopt, find
from emr.api import OPEN, Emr
from emr.errors import StepFailed, Unsettled
from emr.holding import Holding
from emr.ledger import CANCELLED, COMPLETED, FAILED, INTENT, SUBMITTED, Entry, Kept, Ledger
from emr.sharing import is_given_up
from emr.submission import cancel_open, since, submit
from emr.watching import LOST, watch
from emr.work import Reporter, Work

log = logging.getLogger(__name__)
# Each of these ends with steps that are watched, or with a reason to look again.
ROUNDS = 5


def run(emr: Emr, ledger: Ledger, work: Work, reporter: Reporter) -> Entry:
    """Return the entry whose steps have made the partition: submitted now, or by an earlier run.

    Raises StepFailed when one of them fails, which ends its generation: the next run submits another.
    """
    for _ in range(ROUNDS):
        kept = _settled(emr, ledger, work)
        if _have_made(emr, ledger, work, kept, reporter):
            return kept.entry
    raise Unsettled(f"the steps of {ROUNDS} submissions were cancelled with other runs that waited for them")


def cancel(emr: Emr, ledger: Ledger, key: str, owner: str) -> Entry | None:
    """Return the submission of a process that is gone, whose steps are now being cancelled, or None."""
    for _ in range(ROUNDS):
        seen = ledger.read(key)
        if seen is None or seen.entry.state not in (INTENT, SUBMITTED) or seen.entry.lease.owner != owner:
            return None
        ids = seen.entry.step_ids or find(emr, ledger, key, seen)
        # Only then is it known that no other, who waits for them too, answers for them by now.
        marked = ledger.mark(key, seen, step_ids=ids, state=CANCELLED)
        if marked:
            return marked.entry if cancel_open(emr, marked.entry) else None
    return None


def _settled(emr: Emr, ledger: Ledger, work: Work) -> Kept:
    """Return a submission whose steps are known. Raises Unsettled when EMR answers none."""
    for _ in range(ROUNDS):
        seen = ledger.read(work.key)
        kept = adopt(emr, ledger, work, seen)
        # No cluster is to be taken, or made, for what another run has submitted meanwhile.
        if kept is None and ledger.read(work.key) == seen:
            kept = submit(emr, ledger, work, seen)
        if kept:
            return kept
    raise Unsettled(f"EMR answered none of {ROUNDS} submissions to {work.clusters.what}")


def _have_made(emr: Emr, ledger: Ledger, work: Work, kept: Kept, reporter: Reporter) -> bool:
    """Wait for the steps of a submission, and say whether they made it, or another run gave them up."""
    try:
        reporter.tracking_url(emr.tracking_url(kept.entry.cluster_id, kept.entry.step_ids))
        # At once, for what a run left that is gone is answered for from here on.
        work.clusters.keep(kept.entry.name, kept.entry.cluster_id)
        if kept.entry.state == COMPLETED:
            return True
        work.watched(kept.entry, ())
        return _watch(emr, ledger, work, kept, reporter)
    finally:
        work.clusters.give_back(kept.entry.name, kept.entry.cluster_id)


def _watch(emr: Emr, ledger: Ledger, work: Work, kept: Kept, reporter: Reporter) -> bool:
    name, cluster_id, holding = kept.entry.name, kept.entry.cluster_id, Holding(ledger, work.key, kept)

    def between() -> None:
        holding.keep()
        work.clusters.keep(name, cluster_id)

    try:
        steps = watch(emr, work, kept.entry, reporter, between)
    except StepFailed as failed:
        if is_given_up(emr, ledger, work, holding.kept, failed.step):
            log.info("%s was cancelled with another run that waited for it.", name)
            return False
        _give_up(emr, holding, failed)
        raise
    holding.end(COMPLETED)
    work.watched(kept.entry, steps)
    _cancel_strays(emr, work, kept.entry)
    return True


def _give_up(emr: Emr, holding: Holding, failed: StepFailed) -> None:
    """Write down that a submission has failed, and cancel what it has open; how that goes hides no failure."""
    entry = dataclasses.replace(holding.kept.entry, state=FAILED)
    try:
        holding.end(FAILED)
        told = cancel_open(emr, entry)
        if failed.step.state == LOST:
            # They may go on all the same.
            untold = [one for one in entry.step_ids if one not in (*told, *entry.clearing)]
            emr.cancel(entry.cluster_id, untold)
    except Exception as error:
        log.warning("What %s has open on %s could not be cancelled: %s", entry.name, entry.cluster_id, error)


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
