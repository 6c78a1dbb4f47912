"""The clusters of a lake's runs that go on although these are gone."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from emr.api import Emr
from emr.clusters import api
from emr.clusters.records import ENDING, KeptRecord, Records
from emr.clusters.request import ROOT_TAG, RUN_TAG
from emr.lease import long_lease, this_process
from emr.orphans import NAME, is_gone


@dataclass(frozen=True)
class OrphanCluster:
    """A cluster of a run, its record if there is one, and why nobody ends it."""

    id: str
    name: str
    state: str
    since: datetime
    kept: KeptRecord | None
    why: str


def orphans(emr: Emr, records: Records, root: str, in_use: Collection[str]) -> list[OrphanCluster]:
    """Return the clusters of runs that are gone, but for those that are in use: somebody waits for steps there."""
    ours = [one for one in api.ready(emr) if one["Name"].startswith(NAME.format(root=root)) and one["Id"] not in in_use]
    # The records after the clusters: each is intended before it is made.
    known = {kept.record.name: kept for kept in records}
    left = [(one, known.get(one["Name"])) for one in ours]
    # The tags last: a cluster that was ended meanwhile takes no steps any more.
    told = [(emr.cluster(one["Id"]), kept) for one, kept in left if kept is None or is_gone(kept.record.lease)]
    return [_orphan(one, kept) for one, kept in told if api.takes_steps(one) and _is_of_run(one, root)]


def end(emr: Emr, records: Records, one: OrphanCluster) -> bool:
    """Have a cluster end, and say whether that was done: a run may have taken it since it was seen."""
    ending = records.mark(one.kept, state=ENDING, owner=this_process(), lease=long_lease()) if one.kept else None
    if one.kept and ending is None:
        return False
    api.end(emr, one.id)
    if ending:
        records.remove(ending)
    return True


def _is_of_run(cluster: dict[str, Any], root: str) -> bool:
    tags = {tag["Key"]: tag.get("Value", "") for tag in cluster.get("Tags", ())}
    return tags.get(ROOT_TAG) == root and RUN_TAG in tags


def _orphan(cluster: dict[str, Any], kept: KeptRecord | None) -> OrphanCluster:
    why = f"{kept.record.lease} is gone" if kept else "the lake knows nothing of it"
    status = cluster["Status"]
    since = status["Timeline"]["CreationDateTime"]
    return OrphanCluster(cluster["Id"], cluster["Name"], status["State"], since, kept, why)
