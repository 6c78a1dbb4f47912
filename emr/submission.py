"""Steps are submitted under an intent that is saved before; and what another submission left open is cancelled."""

from __future__ import annotations

import dataclasses
import logging
import random
import time
from datetime import datetime, timedelta
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from emr.answers import is_surely_not_taken, is_unanswered
from emr.api import CONNECT_SECONDS, OPEN, READ_SECONDS, TAKES_STEPS, Emr
from emr.board import Board
from emr.errors import ClusterUnfit
from emr.lease import CALL, long_lease, new_lease, now
from emr.ledger import FAILED, INTENT, SUBMITTED, Entry, Kept, Ledger
from emr.room import Line, line
from emr.steps import as_one
from emr.work import Work

log = logging.getLogger(__name__)
CALL_SECONDS = CONNECT_SECONDS + READ_SECONDS
AGAIN_SECONDS = (1.0, 10.0)
WAKE_SECONDS = (0.5, 1.0)
# The clock of this host may go before EMR's.
SKEW = timedelta(minutes=15)


def submit(emr: Emr, ledger: Ledger, work: Work, over: Kept | None) -> Kept | None:
    """Return the entry of the steps that were submitted, or None if somebody was faster or nobody knows.

    Then the ledger says under which name to look for them. Raises ClusterUnfit if the cluster takes none.
    """
    if over:
        # Before a slot is waited for, which they may have.
        cancel_open(emr, over.entry)
    entry = intend(work, over)
    try:
        in_order = keeps_order(emr.cluster(entry.cluster_id))
        intent = ledger.write(work.key, dataclasses.replace(entry, lease=new_lease()), over)
        if intent is None:
            work.clusters.give_back(entry.name, entry.cluster_id)
            return None
        if over:
            if not over.entry.step_ids:
                # Now nobody can begin them any more.
                cancel_open(emr, over.entry)
            work.clusters.give_back(over.entry.name, over.entry.cluster_id)
        return _send(emr, ledger, work, intent, in_order)
    except Exception:
        work.clusters.give_back(entry.name, entry.cluster_id)
        raise


def _send(emr: Emr, ledger: Ledger, work: Work, intended: Kept, in_order: bool) -> Kept | None:
    """Return the intent with the ids of its steps, or None; sent again for as long as EMR takes none."""
    intent: Kept | None = intended
    with line(Board(work.host_folder / intended.entry.cluster_id)) as waiting:
        while intent:
            log.info("%s is submitted to %s.", intent.entry.name, intent.entry.cluster_id)
            try:
                return _answered(emr, ledger, work, intent, in_order)
            except (ClientError, BotoCoreError) as error:
                if not is_surely_not_taken(error):
                    ledger.mark(work.key, intent, state=FAILED)
                    raise
                log.warning("%s: EMR takes no steps now (%s); they are sent again.", intent.entry.name, error)
            waiting.note_refusal(len(named_steps(work, intent.entry, in_order)), AGAIN_SECONDS)
            intent = _in_turn(waiting, ledger, work, intent)
    return None


def _in_turn(waiting: Line, ledger: Ledger, work: Work, intent: Kept) -> Kept | None:
    """Return the intent once it may be sent again, its lease renewed; or None if somebody else took over."""
    current: Kept | None = intent
    while current and not waiting.may_try():
        work.clusters.keep(current.entry.name, current.entry.cluster_id)
        time.sleep(random.uniform(*WAKE_SECONDS))  # noqa: S311 - no secret
        if current.entry.lease.ends_at - now() < CALL / 2:
            current = ledger.mark(work.key, current, lease=new_lease())
    return ledger.mark(work.key, current, lease=new_lease()) if current else None


def _answered(emr: Emr, ledger: Ledger, work: Work, intent: Kept, in_order: bool) -> Kept | None:
    """Return the intent with the ids that EMR gave its steps, or None. Raises what EMR refused them for."""
    ids = _add(emr, intent.entry, named_steps(work, intent.entry, in_order))
    if not ids:
        return None
    answered = {"step_ids": ids, "state": SUBMITTED, "lease": long_lease()}
    kept = ledger.mark(work.key, intent, **answered) or _found_by_another(ledger, work.key, ids)
    if kept is None:
        log.warning("%s: somebody took over while it was submitted; its steps are cancelled.", intent.entry.name)
        emr.cancel(intent.entry.cluster_id, ids)
    return kept


def _found_by_another(ledger: Ledger, key: str, ids: tuple[str, ...]) -> Kept | None:
    """Return the entry if another run found the steps, or sent the same call, and stored their ids first."""
    current = ledger.read(key)
    return current if current and current.entry.step_ids == ids else None


def keeps_order(cluster: dict[str, Any]) -> bool:
    """Say whether a cluster runs one step after the other. Raises ClusterUnfit if it takes none."""
    if cluster["Status"]["State"] not in TAKES_STEPS:
        raise ClusterUnfit(f"the cluster {cluster['Id']} is {cluster['Status']['State']} and takes no steps")
    return cluster.get("StepConcurrencyLevel", 1) == 1


def intend(work: Work, over: Kept | None) -> Entry:
    """Return the entry of a submission that is about to be made, on a cluster that was taken for it."""
    generation, attempt = (over.entry.generation if over else 0) + 1, work.new_attempt()
    name = f"{work.title} g{generation} {attempt}"
    cluster_id = work.clusters.take(name)
    return Entry(name, generation, attempt, work.inputs, new_lease(), cluster_id, (), INTENT, now().isoformat())


def named_steps(work: Work, entry: Entry, in_order: bool) -> list[dict[str, Any]]:
    """Return the steps of a submission, each with the name by which it can be found again.

    Where steps run side by side it is one that does what all of them do.
    """
    steps = work.steps(entry.attempt)
    sent = steps if in_order else [as_one(steps)]
    return [step | {"Name": f"{entry.name} {number}/{len(sent)}"} for number, step in enumerate(sent, start=1)]


def since(entry: Entry) -> datetime:
    """Return a time before which EMR can have created no step of a submission."""
    return datetime.fromisoformat(entry.created_at) - SKEW


def cancel_open(emr: Emr, entry: Entry) -> list[str]:
    """Return the steps of a submission that were open and are now being cancelled; what clears away goes on."""
    if entry.step_ids:
        steps = emr.steps(entry.cluster_id, entry.step_ids)
    else:
        steps = emr.named(entry.cluster_id, entry.name, since(entry))
    ids = [step.id for step in steps if step.state in OPEN and step.id not in entry.clearing]
    if ids:
        emr.cancel(entry.cluster_id, ids)
    return ids


def _add(emr: Emr, entry: Entry, steps: list[dict[str, Any]]) -> tuple[str, ...]:
    """Return the ids of the steps, or none if nobody knows what became of the call."""
    if (entry.lease.ends_at - now()).total_seconds() < CALL_SECONDS:
        # This process was frozen, and another may have taken the intent for lost.
        return ()
    try:
        return emr.add(entry.cluster_id, steps)
    except (ClientError, BotoCoreError) as error:
        if not is_unanswered(error):
            raise
        log.warning("%s: the submission was not answered (%s); its steps are looked for.", entry.name, error)
        return ()
