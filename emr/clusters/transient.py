"""A run's own cluster: made when the run first needs one, shared by all of its processes, and ended with it."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from contextlib import ExitStack
from typing import Any

from emr.api import Emr
from emr.clusters import api
from emr.clusters.making import Maker
from emr.clusters.records import ENDING, KeptRecord, Records, lease_of
from emr.clusters.request import RUN_TAG, Template
from emr.clusters.runs import Run
from emr.errors import ClusterLost, Unsettled

log = logging.getLogger(__name__)
# How often whoever waits looks whether its cluster's lease is to be renewed.
KEEP_SECONDS = 60.0


class RunCluster:
    """The cluster of a run."""

    what = "a cluster of the run's own, [emr] cluster_file"

    def __init__(self, emr: Emr, records: Records, template: Template, run: Run) -> None:
        self.emr, self.records, self.run = emr, records, run
        self.maker = Maker(emr, records, template, run.owner)
        self.looked_at: float | None = None
        self.own: set[str] = set()

    def take(self, name: str) -> str:
        """Return the id of the run's cluster. Raises ClusterLost if it came to a bad end."""
        self.run.refuse_killed()
        with self.run.turn():
            known = list(self.records)
            kept = self._own(known) or self._adopted(known) or self._made(None)
        self.own.add(kept.record.cluster_id)
        return kept.record.cluster_id

    def keep(self, name: str, cluster_id: str) -> None:
        """Renew the lease of the cluster if it is the run's, and answer for it if nobody does."""
        if self.looked_at is not None and time.monotonic() - self.looked_at < KEEP_SECONDS:
            return
        self.looked_at = time.monotonic()
        try:
            self._renew(cluster_id)
        except Exception as error:
            # The steps go on, and there are many more looks until the lease ends.
            log.warning("The lease of %s could not be renewed: %s", cluster_id, error)

    def ends(self, cluster_id: str) -> bool:
        """Say whether the run answered for a cluster when this process last looked; it may have ended it since."""
        return cluster_id in self.own

    def give_back(self, name: str, cluster_id: str) -> None:
        """The cluster stays for the others, until the run ends."""

    def end(self) -> list[str]:
        """Have the clusters end that the run answers for, and return which these were.

        Raises the first error once all others were asked to end.
        """
        ended: list[str] = []
        with ExitStack() as endings:
            for kept in filter(self._is_own, list(self.records)):
                endings.callback(self._end, kept, ended)
        return ended

    def _end(self, kept: KeptRecord, ended: list[str]) -> None:
        if self.maker.end(kept):
            ended.append(kept.record.cluster_id or kept.record.name)

    def _is_own(self, kept: KeptRecord) -> bool:
        return kept.record.owner == self.run.owner

    def _own(self, known: Sequence[KeptRecord]) -> KeptRecord | None:
        """Return the record of the run's cluster if there is one that takes steps, or may be made again."""
        own = [self.maker.settled(kept) or kept for kept in known if self._is_own(kept)]
        clusters = [(kept, self._cluster(kept)) for kept in own]
        for kept, cluster in clusters:
            if api.takes_steps(cluster):
                return kept
        for _, cluster in clusters:
            if cluster and api.has_failed(cluster):
                raise ClusterLost(f"{cluster['Id']}, the run's own cluster, is {api.state_of(cluster)}")
        # Nobody made it, or it was idle for too long.
        for kept in own:
            if kept.key == self.run.id:
                return self._made(kept)
            self.records.remove(kept)
        return None

    def _cluster(self, kept: KeptRecord) -> dict[str, Any] | None:
        return api.known(self.emr, kept.record.cluster_id) if kept.record.cluster_id else None

    def _adopted(self, known: Sequence[KeptRecord]) -> KeptRecord | None:
        """Return the record of a cluster that a dead run left, if one takes steps; what it left ending ends."""
        for kept in known:
            if not kept.record.lease.is_over():
                continue
            if kept.record.state == ENDING:
                self.maker.finish(kept)
            elif kept.record.kind == self.maker.template.kind:
                taken = self._answer_for(kept)
                if taken:
                    return taken
        return None

    def _answer_for(self, kept: KeptRecord) -> KeptRecord | None:
        """Return the record of a cluster that is the run's from now on, or None if there is none."""
        taken = self.records.mark(kept, owner=self.run.owner, lease=lease_of(self.run.owner))
        settled = self.maker.settled(taken) if taken else None
        if settled and api.takes_steps(self._cluster(settled)):
            log.info("%s was left by a run that is gone, and is adopted.", settled.record.cluster_id)
            return settled
        if taken:
            self.records.remove(settled or taken)
        return None

    def _made(self, over: KeptRecord | None) -> KeptRecord:
        made = self.maker.make(self.run.id, {RUN_TAG: self.run.id}, over)
        if made is None:
            raise Unsettled("somebody else changed the record of the run's cluster")
        return made

    def _renew(self, cluster_id: str) -> None:
        for kept in self.records:
            if kept.record.cluster_id != cluster_id:
                continue
            if self._is_own(kept):
                self.own.add(cluster_id)
            if self._is_own(kept) and kept.record.lease.is_due():
                self.records.mark(kept, lease=lease_of(self.run.owner))
            elif kept.record.lease.is_over() and self._answer_for(kept):
                self.own.add(cluster_id)
