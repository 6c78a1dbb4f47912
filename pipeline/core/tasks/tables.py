"""Tasks of the warehouse: what its external catalogue points at, and what is loaded into its tables."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from luigi.task import flatten

from pipeline.core.errors import CommitLost, SourceUnavailable
from pipeline.core.etl_load import Load
from pipeline.core.lake import Dataset, Input, Manifest, lake, new_attempt_id
from pipeline.core.targets import ExternalPartitionTarget, TableTarget
from pipeline.core.tasks.partition import PartitionTask
from pipeline.core.tasks.together import TogetherTask
from pipeline.core.version import code_version
from pipeline.core.warehouse import PARTITIONS_AT_ONCE, external_partitions, is_at, warehouse


class ExternalPartitionTask(TogetherTask):
    """The external catalogue's entry for the partition that this task requires; a statement adds up to a hundred."""

    table: ClassVar[str]
    max_batch_size = PARTITIONS_AT_ONCE

    @property
    def dataset(self) -> Dataset:
        return self.requires().dataset

    def output(self) -> ExternalPartitionTarget:
        return ExternalPartitionTarget(self.table, self.dataset, self.partition)

    def make_one(self) -> str:
        manifest = lake().manifest(self.dataset, self.partition)
        warehouse().set_external_partitions(self.table, {self.partition: manifest.location})
        return f"points at attempt {manifest.attempt}, {manifest.rows.written:,} rows"

    def make_together(self, tasks: Sequence[ExternalPartitionTask]) -> str:
        committed = lake().committed_locations(tasks[0].dataset)
        # One that is not among them is refused in the words that its own task would have.
        locations = {
            one.partition: committed.get(one.partition) or lake().manifest(one.dataset, one.partition).location
            for one in tasks
        }
        warehouse().set_external_partitions(self.table, locations)
        return f"points at the attempt that is committed, set together with {len(tasks) - 1:,} more"


class QueriedTable(PartitionTask):
    """A partition of a table of the warehouse: `<pipeline>/<name>.sql` makes it, `<name>_checks.sql` checks it."""

    table: ClassVar[str]

    @property
    def sql_file(self) -> str:
        return f"{type(self).__module__.rpartition('.')[2]}/{self.table.rpartition('.')[2]}.sql"

    def output(self) -> TableTarget:
        return TableTarget(self.table, self.partition)

    def make(self) -> str:
        store = warehouse()
        seen = store.load_state(self.table, self.partition)
        if seen.is_complete:
            raise CommitLost(f"{self.output()} was loaded while this task waited.")
        read = {task.table: lake().manifest(task.dataset, task.partition) for task in flatten(self.requires())}
        inputs = tuple(Input(one.dataset.path, str(one.partition), one.attempt) for one in read.values())
        load = Load(self.table, self.partition, new_attempt_id(), self.task_id, code_version(), seen, inputs)
        parameters = {self.partition.key: self.partition.parameter}

        def write(cursor: Any) -> str:
            rows = store.run_file(cursor, self.sql_file, parameters)
            self.refuse_moved(cursor, read)
            checks = store.check_file(cursor, self.sql_file.replace(".sql", "_checks.sql"), parameters)
            return f"wrote {rows:,}; {checks}"

        return store.load_partition(load, write)

    def refuse_moved(self, cursor: Any, read: dict[str, Manifest]) -> None:
        """Raise SourceUnavailable if what was just queried is not what the load says that it read."""
        for table, manifest in read.items():
            location = external_partitions(cursor, table).get(self.partition.value)
            if not is_at(location, manifest.location):
                raise SourceUnavailable(
                    f"{self.output()}: {table} points at {location}, not at the committed {manifest.location}."
                    " Another run is replacing it; run this again."
                )
