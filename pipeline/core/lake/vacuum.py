"""What attempts left in the lake and nothing needs: no manifest names it, no external partition points at it.

An attempt under way has written lately, and what was replaced lately may still be read; neither is old enough. What
steps elsewhere make is claimed for longer: they may wait for days, and the next run takes what they made.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime

from pipeline.core.lake.manifest import Dataset, Partition
from pipeline.core.lake.partitions import Lake
from pipeline.core.lake.paths import QUARANTINE, Place, data_path, is_of_dataset, is_of_seed, place_of
from pipeline.core.store import Listed, Store, Upload


@dataclass
class Held:
    """What an attempt holds of a partition, or beside its partitions: its files, bytes, and when the last was written.

    The rows that it refused are a dataset of their own here, in the zone quarantine.
    """

    dataset: Dataset
    attempt: str
    partition: Partition | None
    last: datetime
    files: int = 0
    bytes: int = 0

    @property
    def folder(self) -> str:
        if self.partition is None:
            return f"{self.dataset}/{self.attempt}"
        return data_path(self.dataset, self.attempt, self.partition)

    def add(self, listed: Listed) -> None:
        self.files, self.bytes, self.last = self.files + 1, self.bytes + listed.bytes, max(self.last, listed.modified)


@dataclass(frozen=True)
class Claim:
    """An attempt that steps elsewhere make, or have made, and since when."""

    dataset: Dataset
    partition: Partition
    attempt: str
    since: datetime


def leftovers(
    lake: Lake,
    before: datetime,
    is_pointed_at: Callable[[str], bool],
    claims: Callable[[], Iterable[Claim]],
) -> list[Held]:
    """Return what attempts left that was last written before a moment, in the order of the paths.

    is_pointed_at says of a location whether an external partition lies there, and claims which attempts a run may
    still commit: it is asked only where something is left.
    """
    # All attempts are listed before any manifest is read: one that is committed meanwhile is seen to be named.
    attempts = held(lake.store)
    data: dict[Dataset, list[Held]] = defaultdict(list)
    for one in attempts:
        if one.partition and one.dataset.zone != QUARANTINE:
            data[one.dataset].append(one)
    needed = [one for dataset, some in data.items() for one in _needed(lake, dataset, some, before, is_pointed_at)]
    kept = {(one.dataset.name, one.attempt, place) for one in needed for place in (one.partition, None)}
    # Refused rows go with the attempt that refused them, and so does what lies beside its partitions.
    left = [one for one in attempts if one.last < before and (one.dataset.name, one.attempt, one.partition) not in kept]
    claimed = _claimed(lake, left, claims()) if left else set()
    return [one for one in left if one.attempt not in claimed]


def unfinished(store: Store, before: datetime) -> list[Upload]:
    """Return the uploads to datasets that were begun before a moment, and will not be finished any more."""
    return [upload for upload in store.uploads() if upload.started < before and is_of_dataset(upload.path)]


def remove(store: Store, attempts: Iterable[Held], uploads: Iterable[Upload]) -> None:
    """Make leftovers be gone; ended in the middle, what is left is found again."""
    store.clear(one.folder for one in attempts)
    store.abort(uploads)


def held(store: Store) -> list[Held]:
    """Return what each attempt at any dataset holds, by one listing, in the order of the paths."""
    found: dict[Place, Held] = {}
    for listed in store.list(""):
        place = place_of(listed.path)
        # What a source refused was told to somebody, who has all the time to mend it.
        if place and not is_of_seed(place):
            found.setdefault(place, Held(*place, last=listed.modified)).add(listed)
    return list(found.values())


def _claimed(lake: Lake, left: Iterable[Held], claims: Iterable[Claim]) -> set[str]:
    """Return those attempts that a run may still commit."""
    attempts = {one.attempt for one in left}
    return {claim.attempt for claim in claims if claim.attempt in attempts and _is_open(lake, claim)}


def _is_open(lake: Lake, claim: Claim) -> bool:
    manifest = lake.state(claim.dataset, claim.partition).manifest
    # One that was committed just now is needed; another that came after the claim has ended it.
    is_over = manifest and manifest.attempt != claim.attempt
    return not (is_over and manifest and datetime.fromisoformat(manifest.created_at) >= claim.since)


def _needed(
    lake: Lake, dataset: Dataset, attempts: list[Held], before: datetime, is_pointed_at: Callable[[str], bool]
) -> list[Held]:
    """Return those of a dataset's attempts that are named or read, or were until lately."""
    committed = lake.committed_partitions(dataset)
    rivals = Counter(one.partition for one in attempts)
    # An attempt that has no rival is the one that its partition's manifest names.
    manifests = lake.manifests(dataset, [partition for partition in committed if rivals[partition] > 1])

    def is_needed(one: Held) -> bool:
        if one.last >= before or is_pointed_at(lake.store.url(one.folder)):
            return True
        manifest = manifests.get(one.partition) if one.partition else None
        if manifest is None:
            return one.partition in committed
        # What a manifest replaced may have been read until then, and whoever reads it is given time to end.
        return manifest.attempt == one.attempt or datetime.fromisoformat(manifest.created_at) >= before

    return [one for one in attempts if is_needed(one)]
