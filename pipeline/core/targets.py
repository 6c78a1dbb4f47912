"""What a task makes, as Luigi asks for it: one partition, in the lake, in a table, or in the external catalogue."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import luigi

from pipeline.core.errors import PipelineError
from pipeline.core.lake import Dataset, Partition, lake
from pipeline.core.warehouse import is_at, warehouse


class PartitionTarget(luigi.Target):
    """One partition; it exists when it is committed and nobody has asked for it again since."""

    def exists(self) -> bool:
        raise NotImplementedError

    @classmethod
    def existing(cls, targets: Iterable[Any]) -> set[Any]:
        """Return those that exist; kinds that can ask for all partitions at once do."""
        return {target for target in targets if target.exists()}

    def request_rerun(self) -> None:
        """Have the next run replace this partition, while readers go on seeing what is there."""
        raise NotImplementedError


@dataclass(frozen=True)
class LakeTarget(PartitionTarget):
    """A partition of a dataset: there when its manifest is."""

    dataset: Dataset
    partition: Partition

    def exists(self) -> bool:
        return lake().state(self.dataset, self.partition).is_complete

    @classmethod
    def existing(cls, targets: Iterable[LakeTarget]) -> set[LakeTarget]:
        targets = set(targets)
        complete = {dataset: lake().complete_partitions(dataset) for dataset in {one.dataset for one in targets}}
        return {target for target in targets if target.partition in complete[target.dataset]}

    def request_rerun(self) -> None:
        lake().request_rerun(self.dataset, self.partition)

    def __str__(self) -> str:
        return f"{self.dataset.path}/{self.partition}"


@dataclass(frozen=True)
class TableTarget(PartitionTarget):
    """A partition of a table of the warehouse: there when `etl_load` has its row."""

    table: str
    partition: Partition

    def exists(self) -> bool:
        return warehouse().load_state(self.table, self.partition).is_complete

    @classmethod
    def existing(cls, targets: Iterable[TableTarget]) -> set[TableTarget]:
        targets = set(targets)
        loaded = {table: warehouse().loaded_partitions(table) for table in {one.table for one in targets}}
        return {target for target in targets if str(target.partition) in loaded[target.table]}

    def request_rerun(self) -> None:
        warehouse().request_rerun(self.table, self.partition)

    def __str__(self) -> str:
        return f"{self.table} {self.partition}"


@dataclass(frozen=True)
class ExternalPartitionTarget(PartitionTarget):
    """A partition of an external table: there when the catalogue's location is the manifest's."""

    table: str
    dataset: Dataset
    partition: Partition

    def exists(self) -> bool:
        state = lake().state(self.dataset, self.partition)
        if not state.is_complete or state.manifest is None:
            return False
        return is_at(warehouse().external_location(self.table, self.partition), state.manifest.location)

    @classmethod
    def existing(cls, targets: Iterable[ExternalPartitionTarget]) -> set[ExternalPartitionTarget]:
        targets = set(targets)
        committed = {dataset: lake().committed_locations(dataset) for dataset in {one.dataset for one in targets}}
        known = {table: warehouse().external_partitions(table) for table in {one.table for one in targets}}
        return {
            target
            for target in targets
            if (location := committed[target.dataset].get(target.partition))
            and is_at(known[target.table].get(target.partition.value), location)
        }

    def request_rerun(self) -> None:
        raise PipelineError(f"{self} follows {self.dataset.path}. Ask for a rerun of that dataset.")

    def __str__(self) -> str:
        return f"{self.table} {self.partition}"
