"""Steps that several runs wait for, and that ended because one of these was stopped."""

from __future__ import annotations

import logging

from emr.api import Emr, Step
from emr.clusters import api
from emr.clusters.request import RUN_TAG
from emr.ledger import CANCELLED, Kept, Ledger
from emr.work import Work

log = logging.getLogger(__name__)
# A cancelled step, and one that ended with its cluster.
ENDED = frozenset({"CANCELLED", "INTERRUPTED"})


def is_given_up(emr: Emr, ledger: Ledger, work: Work, kept: Kept, step: Step) -> bool:
    """Say whether a step ended because another run, which answered for it or for its cluster, was stopped.

    Then it may be made again.
    """
    if step.state not in ENDED:
        return False
    if _ended_with_its_run(emr, work, kept.entry.cluster_id):
        return True
    if kept.entry.lease.is_mine():
        return False
    current = ledger.read(work.key)
    if current is None or current.entry.inputs != kept.entry.inputs:
        return False
    # Whoever is stopped says so before it cancels.
    return current.entry.name != kept.entry.name or current.entry.state == CANCELLED


def _ended_with_its_run(emr: Emr, work: Work, cluster_id: str) -> bool:
    """Say whether a cluster was another run's own, and that one ended it."""
    try:
        cluster = api.known(emr, cluster_id)
        if cluster is None or api.takes_steps(cluster) or api.has_failed(cluster):
            return False
        is_of_a_run = any(tag["Key"] == RUN_TAG for tag in cluster.get("Tags", ()))
        return is_of_a_run and not work.clusters.ends(cluster_id)
    except Exception as error:
        # What is told is that the step failed.
        log.warning("It is not known how %s ended: %s", cluster_id, error)
        return False
