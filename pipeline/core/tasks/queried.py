"""A task that makes a partition of a table of the warehouse by a file of SQL."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Any, ClassVar

from luigi.task import flatten

from pipeline.core.errors import CommitLost, PipelineError, SourceUnavailable
from pipeline.core.etl_load import LeftOut, Load, LoadState, Part
from pipeline.core.lake import Dataset, Input, Manifest, Partition, lake, new_attempt_id
from pipeline.core.targets import TableTarget
from pipeline.core.tasks.external import ExternalPartitionTask
from pipeline.core.tasks.together import Done, End, TogetherTask, each_alone
from pipeline.core.version import code_version
from pipeline.core.warehouse import Warehouse, external_partitions, is_at, warehouse

# What is committed of each external partition that a task requires.
Read = Mapping[ExternalPartitionTask, Manifest]


class QueriedTable(TogetherTask):
    """A partition of a table of the warehouse: `<pipeline>/<name>.sql` makes it, `<name>_checks.sql` checks it.

    Those of several days that are ready at once are loaded in one transaction.
    """

    table: ClassVar[str]
    max_batch_size = 100

    @property
    def sql_file(self) -> str:
        return f"{type(self).__module__.rpartition('.')[2]}/{self.table.rpartition('.')[2]}.sql"

    def output(self) -> TableTarget:
        return TableTarget(self.table, self.partition)

    def make_together(self, tasks: Sequence[Any]) -> Mapping[Any, End]:
        store = warehouse()
        states = store.load_states(self.table, [task.partition for task in tasks])
        seen = {task: states[task.partition] for task in tasks}
        manifests = _manifests(source for task in tasks for source in flatten(task.requires()))
        ends = each_alone(seen, lambda task, state: task.begin(state, manifests))
        read = {task: one for task, one in ends.items() if not isinstance(one, PipelineError)}
        if not read:
            return ends
        parts = {task.partition: Part(task.task_id, seen[task], _inputs(one)) for task, one in read.items()}
        load = Load(self.table, new_attempt_id(), code_version(), parts)
        loaded = store.load_partitions(load, partial(self._write, store, read))
        return ends | {task: _end(loaded[task.partition]) for task in read}

    def begin(self, seen: LoadState, manifests: Mapping[ExternalPartitionTask, Manifest | PipelineError]) -> Read:
        """Return what is to be read. Raises CommitLost if nothing is left to do, and why something is not there."""
        if seen.is_complete:
            raise CommitLost(f"{self.output()} was loaded while this task waited.")
        read: dict[ExternalPartitionTask, Manifest] = {}
        for source in flatten(self.requires()):
            manifest = manifests[source]
            if isinstance(manifest, PipelineError):
                raise manifest
            read[source] = manifest
        return read

    def _write(self, store: Warehouse, read: Mapping[Any, Read], cursor: Any, load: Load) -> None:
        """Insert the rows of a load. Raises LeftOut with the days that break a promise, or were read elsewhere."""
        parameters = Partition.parameters(list(load.parts))
        store.run_file(cursor, self.sql_file, parameters)
        broken = store.check_file(cursor, self.sql_file.replace(".sql", "_checks.sql"), parameters)
        moved = _moved(cursor, {task: one for task, one in read.items() if task.partition in load.parts})
        if broken or moved:
            raise LeftOut({**broken, **moved})


def _manifests(sources: Iterable[ExternalPartitionTask]) -> dict[ExternalPartitionTask, Manifest | PipelineError]:
    """Return what is committed of the partition of each task, or why it cannot be read."""
    of: defaultdict[Dataset, list[ExternalPartitionTask]] = defaultdict(list)
    for source in sources:
        of[source.dataset].append(source)
    found: dict[ExternalPartitionTask, Manifest | PipelineError] = {}
    for dataset, some in of.items():
        manifests = lake().complete_manifests(dataset, [source.partition for source in some])
        found |= {source: manifests[source.partition] for source in some}
    return found


def _inputs(read: Read) -> tuple[Input, ...]:
    return tuple(Input(one.dataset.path, str(one.partition), one.attempt) for one in read.values())


def _end(loaded: int | PipelineError) -> End:
    return loaded if isinstance(loaded, PipelineError) else Done(f"wrote {loaded:,}; checks hold")


def _moved(cursor: Any, read: Mapping[QueriedTable, Read]) -> dict[Partition, PipelineError]:
    """Return those partitions of which what was just queried is not what the load says that it read."""
    of: defaultdict[str, set[Partition]] = defaultdict(set)
    for source in (source for one in read.values() for source in one):
        of[source.table].add(source.partition)
    locations = {table: external_partitions(cursor, table, sorted(some)) for table, some in of.items()}
    moved: dict[Partition, PipelineError] = {}
    for task, one in read.items():
        for source, manifest in one.items():
            location = locations[source.table].get(source.partition.value)
            if not is_at(location, manifest.location):
                moved[task.partition] = SourceUnavailable(
                    f"{task.output()}: {source.table} points at {location}, not at the committed {manifest.location}."
                    " Another run is replacing it; run this again."
                )
    return moved
