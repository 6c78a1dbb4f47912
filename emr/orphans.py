"""What goes on at EMR for a lake although nobody waits for it any more."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

from emr.api import GOING, Emr, Step
from emr.lease import WATCH, Lease, this_host
from emr.ledger import CANCELLED, INTENT, SUBMITTED, Kept, Ledger

# How a lake's steps and clusters are named: lakeshift, its hash, and then what they are for.
NAME = "lakeshift {root} "
SUBMISSION_PARTS = 4


@dataclass(frozen=True)
class Services:
    """EMR, and EMR Serverless, whose applications have ids of another form."""

    emr: Emr
    serverless: Emr

    def of(self, cluster_id: str) -> Emr:
        return self.emr if is_cluster(cluster_id) else self.serverless


@dataclass(frozen=True)
class Submission:
    """Steps of one submission that run or wait, what the ledger says of its partition, and why nobody waits for them.

    While somebody does, there is no such reason.
    """

    cluster_id: str
    name: str
    key: str
    steps: tuple[Step, ...]
    kept: Kept | None
    why: str

    @property
    def since(self) -> datetime | None:
        return self.steps[0].created_at

    @property
    def is_on_cluster(self) -> bool:
        """Whether these are steps of a cluster, and not job runs."""
        return is_cluster(self.cluster_id)

    @property
    def is_of_entry(self) -> bool:
        return self.kept is not None and self.kept.entry.name == self.name


def is_cluster(cluster_id: str) -> bool:
    """Say whether an id is one of EMR's, and not that of an application of EMR Serverless."""
    return cluster_id.startswith("j-")


def going(services: Services, ledger: Ledger, root: str, clusters: Iterable[str]) -> list[Submission]:
    """Return what runs or waits on some clusters for a lake."""
    return [one for cluster_id in clusters for one in _of_cluster(services.of(cluster_id), ledger, root, cluster_id)]


def cancel(services: Services, ledger: Ledger, one: Submission) -> bool:
    """Cancel the steps of a submission, and say whether that was done: somebody may wait for them since they were seen.

    Ended in the middle, it leaves steps whose submission is known to be cancelled.
    """
    if one.kept and one.is_of_entry and not ledger.mark(one.key, one.kept, state=CANCELLED):
        return False
    services.of(one.cluster_id).cancel(one.cluster_id, [step.id for step in one.steps])
    return True


def is_gone(lease: Lease, hosts: Collection[str] = ()) -> bool:
    """Say whether an owner is gone, and others, on some hosts, have had the time to answer for what it began."""
    if set(hosts) - {this_host()}:
        return lease.has_passed(patience=WATCH)
    return lease.is_over(patience=WATCH)


def _of_cluster(service: Emr, ledger: Ledger, root: str, cluster_id: str) -> Iterator[Submission]:
    prefix = NAME.format(root=root)
    ours = [step for step in service.going(cluster_id) if step.state in GOING and step.name.startswith(prefix)]
    for name, some in groupby(sorted(ours, key=lambda step: step.name), key=_submission):
        steps, parts = tuple(some), name.removeprefix(prefix).split(" ")
        if len(parts) == SUBMISSION_PARTS:
            key = "/".join(parts[:2])
            # The ledger after the steps: an intent is written before they come.
            kept = ledger.read(key)
            left = _without_clearing(steps, kept) if kept and kept.entry.name == name else steps
            if left:
                yield Submission(cluster_id, name, key, left, kept, _why(name, kept))


def _submission(step: Step) -> str:
    return step.name.rpartition(" ")[0]


def _without_clearing(steps: tuple[Step, ...], kept: Kept) -> tuple[Step, ...]:
    """Return steps but for the one that clears away what a failed one before it left."""
    return tuple(step for step in steps if step.id not in kept.entry.clearing)


def _why(name: str, kept: Kept | None) -> str:
    """Return why nobody waits for a submission, or nothing if somebody does."""
    if kept is None:
        return "the ledger knows nothing of it"
    if kept.entry.name != name:
        return f"another, g{kept.entry.generation}, has taken its place"
    if kept.entry.state not in (INTENT, SUBMITTED):
        return f"it is {kept.entry.state}"
    return f"{kept.entry.lease} is gone" if is_gone(kept.entry.lease, kept.entry.hosts) else ""
