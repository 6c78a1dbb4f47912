"""Which partitions are complete, and who asked for a new one."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, TypeVar

from pipeline.core.errors import CheckFailed, CommitLost, PipelineError, SourceUnavailable, one_line
from pipeline.core.lake.attempt import Attempt
from pipeline.core.lake.manifest import Dataset, Manifest, Partition
from pipeline.core.lake.paths import data_path, manifest_path, manifests_path, new_attempt_id, place_of, reruns_path
from pipeline.core.store import Store

READ_AT_ONCE = 16
T = TypeVar("T")


@dataclass(frozen=True)
class State:
    """What was seen of a partition: its manifest and that one's version, and the requests to replace it."""

    manifest: Manifest | None
    version: str | None
    reruns: tuple[str, ...]

    @property
    def is_complete(self) -> bool:
        return self.manifest is not None and set(self.reruns) <= set(self.manifest.reruns)


class Lake:
    """The datasets below the root of one store."""

    def __init__(self, store: Store):
        self.store = store

    def state(self, dataset: Dataset, partition: Partition) -> State:
        """Return what is there now, complete or not. Raises CheckFailed if the manifest cannot be understood."""
        # The requests first: a commit deletes those that it answered, so a manifest read before them could be
        # the one that was to be replaced, with no request left that says so.
        reruns = tuple(name for _, name in self._reruns(dataset, str(partition)))
        return State(*self._read(dataset, partition), reruns)

    def states(self, dataset: Dataset, partitions: Iterable[Partition]) -> dict[Partition, State | PipelineError]:
        """Return what state() does of each, or raises: by two listings, and of what is committed by a read each."""
        partitions = list(partitions)
        if len(partitions) == 1:
            return _each(partitions, lambda partition: self.state(dataset, partition))
        # The requests first, as in state().
        requested = self._requested(dataset)
        committed = self.committed_partitions(dataset)

        def state(partition: Partition) -> State:
            read = self._read(dataset, partition) if partition in committed else (None, None)
            return State(*read, tuple(sorted(requested.get(partition, ()))))

        return _each(partitions, state)

    def manifest(self, dataset: Dataset, partition: Partition) -> Manifest:
        """Return the manifest of a complete partition. Raises SourceUnavailable if it is not complete."""
        return self._manifest_of(dataset, partition, self.state(dataset, partition))

    def complete_manifests(
        self, dataset: Dataset, partitions: Iterable[Partition]
    ) -> dict[Partition, Manifest | PipelineError]:
        """Return what manifest() does of each, or raises, by as few questions as states()."""
        states = self.states(dataset, partitions)
        return _each(states, lambda partition: self._manifest_of(dataset, partition, states[partition]))

    def _manifest_of(self, dataset: Dataset, partition: Partition, state: State | PipelineError) -> Manifest:
        if isinstance(state, PipelineError):
            raise state
        if state.manifest is None:
            raise SourceUnavailable(
                f"{dataset} {partition} is not in the lake {self.store.url('')}: run its task first."
            )
        if not state.is_complete:
            raise SourceUnavailable(
                f"{dataset} {partition} is to be replaced: run {state.manifest.task_id} again first."
            )
        return state.manifest

    def complete_partitions(self, dataset: Dataset) -> set[Partition]:
        """Return the partitions that are complete, by two listings; only those with rerun requests are read."""
        # The requests first, as in state().
        requested = self._requested(dataset)
        committed = self.committed_partitions(dataset)
        manifests = self.manifests(dataset, committed & requested.keys())
        answered = {p for p, manifest in manifests.items() if requested[p] <= set(manifest.reruns)}
        return (committed - requested.keys()) | answered

    def committed_partitions(self, dataset: Dataset) -> set[Partition]:
        """Return the partitions that have a manifest, whether they are to be replaced or not; one listing."""
        return {
            self._partition(listed.path.rpartition("/")[2].removesuffix(".json"), listed.path)
            for listed in self.store.list(manifests_path(dataset))
        }

    def committed_locations(self, dataset: Dataset) -> dict[Partition, str]:
        """Return where each complete partition lies, by listings: three, whatever their number, up to a page each."""
        complete = self.complete_partitions(dataset)
        # The manifests before the data: data is written before its manifest, and stays for as long as that names it.
        # So what a manifest named then is listed now, and where one attempt alone holds a partition, that is it.
        held = self._held(dataset) if complete else {}
        alone = {partition: ids.pop() for partition, ids in held.items() if len(ids) == 1}
        locations = {p: self.location(dataset, alone[p], p) for p in complete & alone.keys()}
        manifests = self.manifests(dataset, complete - alone.keys())
        return locations | {partition: manifest.location for partition, manifest in manifests.items()}

    def manifests(self, dataset: Dataset, partitions: Iterable[Partition]) -> dict[Partition, Manifest]:
        """Return the manifests of those of the partitions that have one, complete or not, reading several at once."""
        partitions = list(partitions)
        with ThreadPoolExecutor(READ_AT_ONCE) as pool:
            read = list(pool.map(lambda partition: self._read(dataset, partition)[0], partitions))
        return {partition: manifest for partition, manifest in zip(partitions, read, strict=True) if manifest}

    def location(self, dataset: Dataset, attempt: str, partition: Partition) -> str:
        """Return where an attempt's data of a partition lies, for other programs."""
        return self.store.url(data_path(dataset, attempt, partition))

    def read_manifests(
        self, dataset: Dataset, partitions: Iterable[Partition]
    ) -> dict[Partition, Manifest | PipelineError | None]:
        """Return what manifests() does and None where there is none, or why one cannot be understood."""
        return _each(partitions, lambda partition: self._read(dataset, partition)[0])

    def open(self, manifest: Manifest, name: str) -> BinaryIO:
        """Return a file of a committed partition, open for reading."""
        return self.store.open(_file_path(manifest, name), "rb")

    def local_path(self, manifest: Manifest, name: str) -> Path | None:
        """Return where a file of a committed partition lies on this machine, or None if it does not."""
        return self.store.local_path(_file_path(manifest, name))

    def begin(self, dataset: Dataset, partition: Partition, task_id: str) -> Attempt:
        """Return a new attempt at a partition. Raises CommitLost if another one has completed it meanwhile."""
        return self._begun(dataset, partition, task_id, self.state(dataset, partition), new_attempt_id())

    def begin_together(
        self, dataset: Dataset, task_ids: Mapping[Partition, str]
    ) -> dict[Partition, Attempt | PipelineError]:
        """Return attempts at several partitions, which share an id, or what begin() raises of a partition."""
        states, attempt_id = self.states(dataset, task_ids), new_attempt_id()
        return _each(task_ids, lambda one: self._begun(dataset, one, task_ids[one], states[one], attempt_id))

    def _begun(
        self, dataset: Dataset, partition: Partition, task_id: str, seen: State | PipelineError, attempt_id: str
    ) -> Attempt:
        if isinstance(seen, PipelineError):
            raise seen
        if seen.is_complete:
            raise CommitLost(f"{dataset} {partition} is complete already: nothing is left to do.")
        return Attempt(self, dataset, partition, task_id, seen, attempt_id)

    def request_rerun(self, dataset: Dataset, partition: Partition) -> str:
        """Return the id of a new request to replace a committed partition, which is complete again when replaced."""
        if self.store.read(manifest_path(dataset, partition)) is None:
            raise PipelineError(f"{dataset} {partition} was never made, so nothing can be made again: run its task.")
        # The id is in the name, so that deleting an answered request can never delete a newer one.
        name = new_attempt_id()
        # False would mean that it was sent twice, since nobody else has the name.
        self.store.create(f"{reruns_path(dataset)}/{partition}/{name}", b"")
        return name

    def _read(self, dataset: Dataset, partition: Partition) -> tuple[Manifest | None, str | None]:
        """Return the manifest that is there and its version. Raises CheckFailed if it cannot be understood."""
        path = manifest_path(dataset, partition)
        found = self.store.read(path)
        if found is None:
            return None, None
        try:
            return Manifest.from_json(found.data), found.version
        except (ValueError, KeyError, TypeError, AttributeError, CheckFailed) as error:
            raise CheckFailed(
                f"{self.store.url(path)} is no manifest: {one_line(error)}. Look who wrote it."
            ) from error

    def _held(self, dataset: Dataset) -> dict[Partition, set[str]]:
        """Return the attempts that have files of each partition."""
        held: dict[Partition, set[str]] = defaultdict(set)
        for listed in self.store.list(str(dataset)):
            place = place_of(listed.path)
            if place and place.partition:
                held[place.partition].add(place.attempt)
        return held

    def _requested(self, dataset: Dataset) -> dict[Partition, set[str]]:
        """Return the rerun requests of each partition that has some."""
        requested: dict[Partition, set[str]] = defaultdict(set)
        for partition, name in self._reruns(dataset):
            requested[partition].add(name)
        return requested

    def _reruns(self, dataset: Dataset, partition: str = "") -> Iterator[tuple[Partition, str]]:
        for listed in self.store.list(f"{reruns_path(dataset)}/{partition}"):
            *_, text, name = listed.path.split("/")
            yield self._partition(text, listed.path), name

    def _partition(self, text: str, path: str) -> Partition:
        try:
            return Partition.parse(text)
        except ValueError as error:
            raise CheckFailed(f"{self.store.url(path)} is not Lakeshift's: {error}. Move it away.") from error


def _each(partitions: Iterable[Partition], ask: Callable[[Partition], T]) -> dict[Partition, T | PipelineError]:
    """Return what is answered for each partition, or the error that is raised, asking several at once."""

    def answer(partition: Partition) -> T | PipelineError:
        try:
            return ask(partition)
        except PipelineError as error:
            return error

    partitions = list(partitions)
    with ThreadPoolExecutor(READ_AT_ONCE) as pool:
        return dict(zip(partitions, pool.map(answer, partitions), strict=True))


def _file_path(manifest: Manifest, name: str) -> str:
    return f"{data_path(manifest.dataset, manifest.attempt, manifest.partition)}/{name}"
