"""What tasks have committed, as their manifests and etl_load say."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from typing import Any

import luigi

from pipeline.core.lake import Input, Lake, Manifest, Partition, lake
from pipeline.core.lineage.naming import Named, of_database_table, of_dataset, of_warehouse_table
from pipeline.core.loaded import Loaded, loaded
from pipeline.core.targets import DatabaseTarget, LakeTarget, TableTarget

# So many manifests are held at a time.
AT_ONCE = 500


@dataclass(frozen=True)
class Commit:
    """One partition that a task committed, of what, and when."""

    task: luigi.Task
    made: Named
    partition: Partition
    attempt: str
    committed_at: datetime
    inputs: tuple[Input, ...]
    code_version: str
    rows: int
    # Of a table the database alone knows them.
    bytes: int | None = None
    files: int | None = None
    schema: Mapping[str, str] = field(default_factory=dict, hash=False)


def commits(tasks: Iterable[luigi.Task]) -> Iterator[Commit]:
    """Yield what those of the tasks have committed that make a partition of a dataset or a table, kind by kind.

    An external partition, or a copy, is no commit: it has the files of a dataset.
    """
    kinds: dict[Any, list[luigi.Task]] = {}
    for task in tasks:
        kinds.setdefault(type(task), []).append(task)
    for some in kinds.values():
        target = some[0].output()
        if isinstance(target, LakeTarget):
            yield from _of_dataset(lake(), some)
        elif isinstance(target, TableTarget):
            yield from _of_table(target, some)


def _of_dataset(lake: Lake, tasks: Sequence[Any]) -> Iterator[Commit]:
    remaining = iter(tasks)
    while some := {task.partition: task for task in islice(remaining, AT_ONCE)}:
        dataset = next(iter(some.values())).output().dataset
        for partition, manifest in lake.manifests(dataset, some).items():
            yield _of_manifest(lake, some[partition], manifest)


def _of_manifest(lake: Lake, task: luigi.Task, manifest: Manifest) -> Commit:
    return Commit(
        task,
        of_dataset(lake, manifest.dataset),
        manifest.partition,
        manifest.attempt,
        datetime.fromisoformat(manifest.created_at),
        manifest.inputs,
        manifest.code_version,
        manifest.rows.written,
        sum(file.bytes for file in manifest.files),
        len(manifest.files),
        manifest.schema,
    )


def _of_table(target: TableTarget, tasks: Sequence[Any]) -> Iterator[Commit]:
    named = of_database_table if isinstance(target, DatabaseTarget) else of_warehouse_table
    found = loaded(target.tables(), target.table)
    for task in tasks:
        if task.partition in found:
            yield _of_load(task, named(target.table), found[task.partition])


def _of_load(task: Any, made: Named, load: Loaded) -> Commit:
    return Commit(
        task, made, task.partition, load.attempt, load.loaded_at, load.inputs, load.code_version, load.row_count
    )
