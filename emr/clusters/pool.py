"""A pool of clusters that runs share: found by a tag, each with as many slots as it runs steps side by side."""

from __future__ import annotations

import logging
import random
import time
from dataclasses import dataclass
from typing import Any

from emr.clusters import api
from emr.clusters.making import Maker
from emr.clusters.records import INTENT, KeptRecord, Records
from emr.clusters.request import POOL_TAG, Template
from emr.clusters.runs import Run
from emr.clusters.slots import Slots
from emr.errors import ClusterLost
from emr.lease import APART, CALL, WATCH, now, this_host

log = logging.getLogger(__name__)
KEEP_SECONDS = 60.0
# A submission has at most as many steps, and EMR takes no more than these that have not ended.
STEPS, MOST_OPEN = 3, 256
FIRST_SECONDS, GROWS = 1.0, 1.5


@dataclass(frozen=True)
class PoolPlan:
    """A pool's name, how many clusters it may have, and how long the longest pause is of who waits for a slot."""

    name: str
    most: int
    longest_seconds: float


class Pool:
    """The clusters of a pool."""

    def __init__(self, slots: Slots, records: Records, template: Template, run: Run, plan: PoolPlan) -> None:
        self.slots, self.records, self.run, self.plan = slots, records, run, plan
        self.emr, self.name = slots.emr, plan.name
        self.maker = Maker(self.emr, records, template, run.owner)
        self.others: set[str] = set()
        self.kept_at: float | None = None

    @property
    def what(self) -> str:
        return f"[emr] pool = {self.name}"

    def take(self, name: str) -> str:
        """Return the id of a cluster that has a slot, once there is one. Raises ClusterLost as `_has_grown` does."""
        # One of a run's processes asks EMR, however many wait.
        with self.run.turn():
            return self._waited_for(name)

    def keep(self, name: str, cluster_id: str) -> None:
        """Renew the lease of a submission's slot when it is due."""
        if self.kept_at is not None and time.monotonic() - self.kept_at < KEEP_SECONDS:
            return
        self.kept_at = time.monotonic()
        try:
            self.slots.keep(cluster_id, name)
        except Exception as error:
            # The steps go on, and there are many more looks until the lease ends.
            log.warning("The lease of a slot of %s could not be renewed: %s", cluster_id, error)

    def ends(self, cluster_id: str) -> bool:
        return False

    def give_back(self, name: str, cluster_id: str) -> None:
        self.slots.give_back(cluster_id, name)

    def _waited_for(self, name: str) -> str:
        pause = FIRST_SECONDS
        while True:
            self.run.refuse_killed()
            members = self._members()
            cluster_id = self._taken(members, name)
            if cluster_id:
                return cluster_id
            has_grown = self._has_grown(members)
            if not has_grown:
                # Said once, of what may last for hours.
                level = logging.INFO if pause == FIRST_SECONDS else logging.DEBUG
                log.log(level, "%s waits for a slot of the pool %s (%s clusters).", name, self.name, len(members))
            time.sleep(pause * random.uniform(0.5, 1.0))  # noqa: S311 - no secret
            pause = FIRST_SECONDS if has_grown else min(pause * GROWS, self.plan.longest_seconds)

    def _members(self) -> dict[str, dict[str, Any]]:
        """Return the clusters of the pool that take steps, by their ids."""
        ids = [one["Id"] for one in api.ready(self.emr) if one["Id"] not in self.others]
        # EMR lists a cluster only a while after it was made.
        ids += [kept.record.cluster_id for kept in self._own() if kept.record.cluster_id]
        members = {}
        for cluster_id in dict.fromkeys(ids):
            cluster = api.known(self.emr, cluster_id)
            if cluster is None or not _has_tag(cluster, self.name):
                self.others.add(cluster_id)
            elif api.takes_steps(cluster):
                members[cluster_id] = cluster
        return members

    def _own(self) -> list[KeptRecord]:
        return [kept for kept in self.records if kept.key.rpartition("-")[0] == self.name]

    def _taken(self, members: dict[str, dict[str, Any]], name: str) -> str:
        """Return the cluster of a slot that was taken, of the cluster that has most; or nothing."""
        free = {one: self.slots.free(one, members[one].get("StepConcurrencyLevel", 1)) for one in members}
        for cluster_id in sorted(free, key=lambda one: -len(free[one])):
            if not free[cluster_id] or api.count_open(self.emr, cluster_id) > MOST_OPEN - STEPS:
                continue
            # Others look at the same moment.
            for number in random.sample(list(free[cluster_id]), len(free[cluster_id])):
                if self.slots.take(cluster_id, number, free[cluster_id][number], name):
                    return cluster_id
        return ""

    def _has_grown(self, members: dict[str, dict[str, Any]]) -> bool:
        """Say whether there are other clusters than were seen: made now, or by others meanwhile.

        Raises ClusterLost if one that this run made came to a bad end: another would as well.
        """
        if len(members) >= self.plan.most:
            return False
        known = {kept.key: kept for kept in self._own()}
        if any(self._is_made_elsewhere(kept) for kept in known.values()):
            return False
        keys = [f"{self.name}-{number}" for number in range(1, self.plan.most + 1)]
        return any(self._is_new(key, known.get(key), members) for key in keys)

    def _is_made_elsewhere(self, kept: KeptRecord) -> bool:
        """Say whether another run is making a cluster just now; one that is frozen is not waited for."""
        lease = kept.record.lease
        is_other = kept.record.owner != self.run.owner and not lease.is_over()
        # It is renewed before each call.
        began_at = lease.ends_at - WATCH
        patience = CALL if lease.host == this_host() else CALL + APART
        return kept.record.state == INTENT and is_other and now() < began_at + patience

    def _is_new(self, key: str, kept: KeptRecord | None, members: dict[str, dict[str, Any]]) -> bool:
        """Say whether a cluster is one that was not seen before, making it if need be."""
        if kept and kept.record.state == INTENT:
            return self.maker.settled(kept) is not None or self._is_made(key, kept)
        if kept and kept.record.cluster_id in members:
            return False
        cluster = api.known(self.emr, kept.record.cluster_id) if kept else None
        # One that somebody took out of the pool stays that one's.
        if cluster and api.takes_steps(cluster) and _has_tag(cluster, self.name):
            return True
        if kept and cluster and api.has_failed(cluster) and kept.record.owner == self.run.owner:
            raise ClusterLost(f"{cluster['Id']} of the pool {self.name} is {api.state_of(cluster)}")
        return self._is_made(key, kept)

    def _is_made(self, key: str, over: KeptRecord | None) -> bool:
        return self.maker.make(key, {POOL_TAG: self.name}, over) is not None


def _has_tag(cluster: dict[str, Any], name: str) -> bool:
    return any(tag["Key"] == POOL_TAG and tag.get("Value") == name for tag in cluster.get("Tags", ()))
