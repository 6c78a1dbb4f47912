"""A task that has the external catalogue of the warehouse point at a partition in the lake."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any, ClassVar

from pipeline.core.errors import PipelineError, SourceUnavailable
from pipeline.core.lake import Dataset, lake
from pipeline.core.targets import ExternalPartitionTarget
from pipeline.core.tasks.together import Done, End, TogetherTask
from pipeline.core.warehouse import PARTITIONS_AT_ONCE, PartlyRefused, warehouse

# How often a partition is looked at while it is set, before another that replaces it all the time is given up on.
LOOKS = 5


class ExternalPartitionTask(TogetherTask):
    """The external catalogue's entry for the partition that this task requires; a statement adds up to a hundred."""

    table: ClassVar[str]
    max_batch_size = PARTITIONS_AT_ONCE

    @property
    def dataset(self) -> Dataset:
        return self.requires().dataset

    def output(self) -> ExternalPartitionTarget:
        return ExternalPartitionTarget(self.table, self.dataset, self.partition)

    def make_together(self, tasks: Sequence[ExternalPartitionTask]) -> Mapping[Any, End]:
        points_at: dict[Any, str] = {}
        refused: dict[Any, End] = {}
        for _ in range(LOOKS):
            ends: dict[Any, End] = {}
            moved: dict[Any, str] = {}
            for task, committed in _committed(tasks).items():
                if isinstance(committed, PipelineError):
                    ends[task] = committed
                elif points_at.get(task) == committed:
                    ends[task] = Done(f"points at attempt {PurePosixPath(committed).parent.name}")
                elif task not in refused:
                    moved[task] = committed
            if not moved:
                break
            # While this process stood still, another may have set what replaces what is about to be set: look again.
            refused |= self._set(moved)
            points_at |= moved
        return ends | {task: _restless(task) for task in moved} | refused

    def _set(self, locations: Mapping[Any, str]) -> dict[Any, End]:
        """Have the partitions of tasks point at locations, and return what the catalogue refuses."""
        try:
            warehouse().set_external_partitions(self.table, {task.partition: to for task, to in locations.items()})
        except PartlyRefused as refused:
            return {task: refused.errors[task.partition] for task in locations if task.partition in refused.errors}
        return {}


def _committed(tasks: Sequence[ExternalPartitionTask]) -> dict[Any, str | PipelineError]:
    """Return where the partition of each task lies in the lake, or why there is none to point at."""
    known = lake().committed_locations(tasks[0].dataset) if len(tasks) > 1 else {}
    return {task: known.get(task.partition) or _location(task) for task in tasks}


def _location(task: ExternalPartitionTask) -> str | PipelineError:
    try:
        return lake().manifest(task.dataset, task.partition).location
    except PipelineError as error:
        return error


def _restless(task: ExternalPartitionTask) -> SourceUnavailable:
    return SourceUnavailable(
        f"{task.output()} was replaced {LOOKS} times while it was set. Look who else runs it, and run it again."
    )
