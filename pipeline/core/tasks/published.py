"""A copy of a dataset's file for those who look in a folder of theirs, and know nothing of manifests."""

from __future__ import annotations

import json
import shutil
from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import ClassVar

from pipeline.core.commits import Commit
from pipeline.core.errors import SourceUnavailable
from pipeline.core.lake import Dataset, Input, Manifest, Partition, lake
from pipeline.core.store import Listed, Store, open_store
from pipeline.core.targets import PartitionTarget
from pipeline.core.tasks.partition import PartitionTask

BUFFER_BYTES = 1 << 20
# How often a copy is made of what is replaced meanwhile.
LOOKS = 5


@dataclass(frozen=True)
class PublishedTarget(PartitionTarget):
    """A copy outside the lake of the newest partition: there when what lies beside it names that one's attempt.

    A partition that is older than what is published counts as published, unless it is itself to be made again. The
    newest stays published while it waits for that: what is older is no better.
    """

    follows = True

    root: str
    path: str
    setting: str
    dataset: Dataset
    partition: Partition

    @property
    def store(self) -> Store:
        return open_store(self.root, self.setting)

    @property
    def beside(self) -> str:
        """Where it is said what the copy is of."""
        return f"{self.path}.json"

    def is_complete(self) -> bool:
        newest, own = self.newest(), lake().state(self.dataset, self.partition)
        if newest is None or newest.partition < self.partition or (own.manifest and not own.is_complete):
            return False
        return self.is_of(newest)

    def newest(self) -> Manifest | None:
        """Return the manifest of the last partition that is committed, whether it is to be replaced or not."""
        committed = lake().committed_partitions(self.dataset)
        return lake().state(self.dataset, max(committed)).manifest if committed else None

    def is_of(self, manifest: Manifest) -> bool:
        """Say whether the copy is that of a committed partition."""
        said, copy = self.store.read(self.beside), self.copy()
        return said is not None and copy is not None and said.data == label(manifest, copy)

    def copy(self) -> Listed | None:
        """Return the size of the copy, and when it was written."""
        beside = self.store.list(self.path.rpartition("/")[0])
        return next((one for one in beside if one.path == self.path), None)

    @property
    def whole(self) -> object:
        return self

    def complete_partitions(self) -> set[Partition]:
        return {self.partition} if self.is_complete() else set()

    def commits(self, partitions: Collection[Partition]) -> dict[Partition, Commit]:
        said, copy, newest = self.store.read(self.beside), self.copy(), self.newest()
        if said is None or copy is None:
            return {}
        try:
            values = json.loads(said.data)
            of, attempt, made_at = values["partition"], values["attempt"], values["written_at"]
        except (ValueError, KeyError, TypeError):
            # Somebody else wrote it.
            return {}
        is_last = newest is not None and said.data == label(newest, copy)
        commit = Commit(attempt, (Input(str(self.dataset), of, attempt),), made_at, is_complete=is_last)
        return {one: replace(commit, superseded_by=of if of > str(one) else "") for one in partitions if str(one) <= of}

    def request_rerun(self) -> None:
        raise SourceUnavailable(f"{self} follows {self.dataset.path}. Ask for a rerun of that dataset.")

    def __str__(self) -> str:
        return f"{self.store.url(self.path)} {self.partition}"


class PublishedFile(PartitionTask):
    """The one file of the dataset that this task requires, where a setting says, under a name that stays."""

    path: ClassVar[str]
    setting: ClassVar[str]

    def root(self) -> str:
        """Return the folder, or s3://bucket/prefix."""
        raise NotImplementedError

    def output(self) -> PublishedTarget:
        return PublishedTarget(self.root(), self.path, self.setting, self.requires().dataset, self.partition)

    def make(self) -> str:
        target, was_alone = self.output(), True
        for _ in range(LOOKS):
            newest = target.newest()
            if newest is None:
                raise SourceUnavailable(
                    f"{target.dataset} {self.partition} is not in the lake any more: run its task again first."
                )
            if was_alone and target.is_of(newest):
                return f"{target.store.url(target.path)} is that of {newest.partition}"
            was_alone = _publish(target, newest)
        raise SourceUnavailable(f"{target} was replaced {LOOKS} times while it was copied. Look who runs it.")


def _publish(target: PublishedTarget, manifest: Manifest) -> bool:
    """Copy the file, and say whether nobody else did meanwhile.

    Who did may have said of this copy what is true of theirs.
    """
    [file] = manifest.files
    store = target.store
    # Nobody is to believe of the copy what is said of another.
    store.delete([target.beside])
    here = lake().local_path(manifest, file.name)
    if here:
        store.put_file(here, target.path)
    else:
        with lake().open(manifest, file.name) as source, store.open(target.path, "wb") as copy:
            shutil.copyfileobj(source, copy, BUFFER_BYTES)
    store.sync([target.path])
    found = target.copy()
    return found is not None and found.bytes == file.bytes and store.create(target.beside, label(manifest, found))


def label(manifest: Manifest, copy: Listed) -> bytes:
    """Return what is said of a copy. A copy that is written later is another, if only by its time or its version."""
    said = {
        "dataset": str(manifest.dataset),
        "partition": str(manifest.partition),
        "attempt": manifest.attempt,
        "bytes": copy.bytes,
        "written_at": copy.modified.isoformat(),
        "version": copy.version,
    }
    return json.dumps(said, indent=1).encode() + b"\n"
