"""What a task makes, as Luigi asks for it: one partition, in the lake, in a table, or in the external catalogue."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Hashable, Iterable
from dataclasses import dataclass, fields
from typing import Any, ClassVar

import luigi

from pipeline.core import completeness
from pipeline.core.commits import Commit, commit_of
from pipeline.core.database import database
from pipeline.core.errors import PipelineError
from pipeline.core.etl_load import PartitionedTables
from pipeline.core.lake import Dataset, Input, Partition, attempt_in, lake
from pipeline.core.warehouse import is_at, warehouse


class PartitionTarget(luigi.Target):
    """One partition; it exists when it is committed and nobody has asked for it again since."""

    partition: Partition
    # Whether it is complete when it shows what another's is, so that nobody can ask for it alone.
    follows: ClassVar[bool] = False

    def exists(self) -> bool:
        return completeness.exists(self)

    def is_complete(self) -> bool:
        """Say whether the partition is complete now."""
        raise NotImplementedError

    @property
    def whole(self) -> Hashable:
        """What this is a partition of."""
        raise NotImplementedError

    def complete_partitions(self) -> set[Partition]:
        """Return the complete partitions of that, in as few questions as it takes whatever their number."""
        raise NotImplementedError

    def commits(self, partitions: Collection[Partition]) -> dict[Partition, Commit]:
        """Return what is recorded of those of its partitions that were made, complete or not, in as few questions."""
        raise NotImplementedError

    def request_rerun(self) -> None:
        """Have the next run replace this partition, while readers go on seeing what is there."""
        raise NotImplementedError


@dataclass(frozen=True)
class LakeTarget(PartitionTarget):
    """A partition of a dataset: there when its manifest is."""

    dataset: Dataset
    partition: Partition

    def is_complete(self) -> bool:
        return lake().state(self.dataset, self.partition).is_complete

    @property
    def whole(self) -> Hashable:
        return self.dataset

    def complete_partitions(self) -> set[Partition]:
        return lake().complete_partitions(self.dataset)

    def commits(self, partitions: Collection[Partition]) -> dict[Partition, Commit]:
        found: dict[Partition, Commit] = {}
        for partition, state in lake().states(self.dataset, partitions).items():
            if isinstance(state, PipelineError):
                raise state
            if state.manifest:
                found[partition] = commit_of(state, state.manifest)
        return found

    def request_rerun(self) -> None:
        lake().request_rerun(self.dataset, self.partition)

    def __str__(self) -> str:
        return f"{self.dataset.path}/{self.partition}"


@dataclass(frozen=True)
class TableTarget(PartitionTarget):
    """A partition of a table of the warehouse: there when `etl_load` has its row."""

    table: str
    partition: Partition

    def tables(self) -> PartitionedTables:
        """Return the database that the table is in."""
        return warehouse()

    def is_complete(self) -> bool:
        return self.tables().load_state(self.table, self.partition).is_complete

    @property
    def whole(self) -> Hashable:
        return (type(self), self.table)

    def complete_partitions(self) -> set[Partition]:
        return {Partition.parse(key) for key in self.tables().loaded_partitions(self.table)}

    def commits(self, partitions: Collection[Partition]) -> dict[Partition, Commit]:
        return self.tables().commits(self.table, partitions)

    def request_rerun(self) -> None:
        self.tables().request_rerun(self.table, self.partition)

    def __str__(self) -> str:
        return f"{self.table} {self.partition}"


@dataclass(frozen=True)
class DatabaseTarget(TableTarget):
    """A partition of a table of PostgreSQL."""

    def tables(self) -> PartitionedTables:
        return database()


@dataclass(frozen=True)
class ExternalPartitionTarget(PartitionTarget):
    """A partition of an external table: there when the catalogue's location is the manifest's."""

    follows = True

    table: str
    dataset: Dataset
    partition: Partition

    def is_complete(self) -> bool:
        state = lake().state(self.dataset, self.partition)
        if not state.is_complete or state.manifest is None:
            return False
        return is_at(warehouse().external_location(self.table, self.partition), state.manifest.location)

    @property
    def whole(self) -> Hashable:
        return (self.table, self.dataset)

    def complete_partitions(self) -> set[Partition]:
        committed = lake().committed_locations(self.dataset)
        # Without a committed partition there is nothing to compare.
        known = warehouse().external_partitions(self.table) if committed else {}
        return {partition for partition, location in committed.items() if is_at(known.get(partition.value), location)}

    def commits(self, partitions: Collection[Partition]) -> dict[Partition, Commit]:
        shown = warehouse().external_partitions(self.table)
        return {one: self._commit(one, shown[one.value]) for one in partitions if one.value in shown}

    def _commit(self, partition: Partition, shown: str) -> Commit:
        """Return what the catalogue says, which is by which attempt the partition was made that it points at."""
        attempt = attempt_in(shown)
        if not is_at(shown, lake().location(self.dataset, attempt, partition)):
            # In another lake, or where somebody set it by hand.
            attempt = ""
        return Commit(attempt, (Input(self.dataset.path, str(partition), attempt),))

    def request_rerun(self) -> None:
        raise PipelineError(f"{self} follows {self.dataset.path}. Ask for a rerun of that dataset.")

    def __str__(self) -> str:
        return f"{self.table} {self.partition}"


def commits_of(tasks: Iterable[luigi.Task]) -> dict[luigi.Task, Commit]:
    """Return what is recorded of those of the tasks that were made, asking once for each dataset, table or file."""
    groups: dict[Hashable, dict[Any, luigi.Task]] = defaultdict(dict)
    for task in tasks:
        target = task.output()
        if isinstance(target, PartitionTarget):
            groups[_whole(target)][target] = task
    found: dict[luigi.Task, Commit] = {}
    for group in groups.values():
        commits = next(iter(group)).commits([target.partition for target in group])
        found |= {task: commits[target.partition] for target, task in group.items() if target.partition in commits}
    return found


def _whole(target: Any) -> Hashable:
    """Return what targets have in common that differ by their partition alone."""
    return type(target), *(getattr(target, one.name) for one in fields(target) if one.name != "partition")
