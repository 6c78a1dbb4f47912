"""A table of PostgreSQL that holds one day's rows, all of which the next day's replace."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, ClassVar

from luigi.task import flatten

from pipeline.core.commits import Commit
from pipeline.core.database import database
from pipeline.core.database.halves import CsvFile, halved
from pipeline.core.database.snapshots import SnapshotLoad, beside, last_loaded, refuse_earlier
from pipeline.core.errors import CheckFailed, CommitLost
from pipeline.core.etl_load import Part
from pipeline.core.lake import Input, Manifest, Partition, lake, new_attempt_id
from pipeline.core.sql_files import read_sql
from pipeline.core.sql_text import inserted_columns
from pipeline.core.targets import DatabaseTarget
from pipeline.core.tasks.partition import PartitionTask
from pipeline.core.version import code_version


@dataclass(frozen=True)
class SnapshotTarget(DatabaseTarget):
    """All of a table of PostgreSQL, as it is on a day."""

    def commits(self, partitions: Collection[Partition]) -> dict[Partition, Commit]:
        last = last_loaded(database().query, self.table)
        return {
            partition: replace(commit, superseded_by=last if last > str(partition) else "")
            for partition, commit in super().commits(partitions).items()
        }

    def request_rerun(self) -> None:
        # The load would refuse it, after what it is made of was made again.
        refuse_earlier(database().query, self.table, self.partition)
        super().request_rerun()


class SnapshotTable(PartitionTask):
    """A table of the rows of the dataset that this task requires first, which are CSV without a header.

    The file of sql/ inserts a row, by parameters of the names of its columns; all rows are copied into these.
    """

    table: ClassVar[str]
    insert: ClassVar[str]

    def output(self) -> SnapshotTarget:
        return SnapshotTarget(self.table, self.partition)

    def make(self) -> str:
        store, required = database(), flatten(self.requires())[0]
        seen = store.load_state(self.table, self.partition)
        if seen.is_complete:
            raise CommitLost(f"{self.output()} was loaded while this task waited.")
        manifest = lake().manifest(required.dataset, required.partition)
        columns = self._columns(manifest)
        source = Input(required.dataset.path, str(required.partition), manifest.attempt)
        part = Part(self.task_id, seen, (source,))
        load = SnapshotLoad(self.table, new_attempt_id(), code_version(), {self.partition: part})

        def write(cursor: Any, load: SnapshotLoad) -> None:
            files = [CsvFile(partial(lake().open, manifest, file.name), file.bytes) for file in manifest.files]
            with (
                halved(store.transaction, cursor, load, columns, files) as halves,
                beside(cursor, load, store.wait_seconds, halves),
            ):
                for file_open in [halves.first_half] if halves else [file.open for file in files]:
                    with file_open() as stream:
                        load.fill(cursor, columns, stream)
            rows = sum(load.copied)
            if rows != manifest.rows.written:
                raise CheckFailed(
                    f"{self.output()}: {rows:,} rows of {manifest.location} were copied, which holds"
                    f" {manifest.rows.written:,}. Nothing was changed; run it again."
                )

        return f"wrote {store.load_partition(load, write):,}"

    def _columns(self, manifest: Manifest) -> list[str]:
        """Return which columns the rows are copied into. Raises CheckFailed if they are of others."""
        columns, found = inserted_columns(read_sql(self.insert), self.table), list(manifest.schema)
        if columns != found:
            raise CheckFailed(
                f"{self.output()}: {manifest.location} has the columns {', '.join(found)}, and"
                f" sql/{self.insert} inserts {', '.join(columns)}. Nothing was changed;"
                f" have it made again (lakeshift rerun {self.task_family} --date {self.date})."
            )
        return columns
