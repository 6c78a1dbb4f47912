"""A task that extracts a day's rows of PostgreSQL into the lake."""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from pipeline.core.database import Database, database
from pipeline.core.errors import CheckFailed, JobFailed, PipelineError
from pipeline.core.lake import Attempt, Counts, Dataset, File, Input, Partition
from pipeline.core.tasks.lake import COMMITS_AT_ONCE, Fingerprint, Made, SourceTask, Written
from pipeline.core.tasks.together import each_alone

if TYPE_CHECKING:
    import pyarrow as pa

log = logging.getLogger(__name__)

FILE = "part-0000.parquet"


class ExtractTask(SourceTask):
    """A day's rows of PostgreSQL, as Parquet. Both files of sql/ take %(insert_dates)s, and name the day of each row.

    `query` returns one day after the other, and `fingerprint` a row a day: how many rows it has, and a hash of them.
    Those of several days that are ready at once are copied by one statement.
    """

    query: ClassVar[str]
    fingerprint: ClassVar[str]
    source: ClassVar[str]
    schema: ClassVar[pa.Schema]
    max_batch_size = 100

    def source_now(self) -> Fingerprint:
        store = database()
        with store.transaction() as cursor:
            return self._fingerprints(store, cursor, [self])[self]

    @classmethod
    def sources_now(cls, tasks: Collection[Any]) -> dict[Any, Fingerprint | PipelineError]:
        store = database()
        try:
            with store.transaction() as cursor:
                return {**cls._fingerprints(store, cursor, tasks)}
        except PipelineError as error:
            return dict.fromkeys(tasks, error)

    @classmethod
    def _fingerprints(cls, store: Database, cursor: Any, tasks: Collection[Any]) -> dict[Any, dict[str, str | int]]:
        """Return what a transaction sees of the source of each task; one query."""
        store.run_file(cursor, cls.fingerprint, Partition.parameters([task.partition for task in tasks]))
        found = {str(value): {"rows": rows, "hash": str(digest)} for value, rows, digest in cursor.fetchall()}
        return {task: found[task.partition.value] for task in tasks}

    def read_together(self, attempts: Mapping[Any, Attempt]) -> Mapping[Any, Written]:
        try:
            return self._extract(attempts)
        except JobFailed as error:
            if len(attempts) == 1:
                raise
            # What does not fit ends the copy, and nothing says of which day it is.
            log.warning("%s Each of the %d days is copied by itself.", error, len(attempts))
        return each_alone(attempts, lambda task, attempt: task.read(attempt))

    def read(self, attempt: Attempt) -> Made:
        [made] = self._extract({self: attempt}).values()
        if isinstance(made, PipelineError):
            raise made
        return made

    def _extract(self, attempts: Mapping[Any, Attempt]) -> dict[Any, Written]:
        """Return what was copied of each day, as one transaction sees them, or that its rows were not all there."""
        store = database()
        with store.transaction() as cursor:
            fingerprints = self._fingerprints(store, cursor, attempts.keys())
            counts = self._copy(store, cursor, {attempt.partition: attempt for attempt in attempts.values()})
        return each_alone(
            attempts,
            lambda task, attempt: task.copied(attempt, fingerprints[task], counts[attempt.partition.value]),
            COMMITS_AT_ONCE,
        )

    def copied(self, attempt: Attempt, fingerprint: Fingerprint, count: int) -> Made:
        """Return what was copied of a day. Raises CheckFailed if it is not as many rows as its fingerprint counted."""
        from pipeline.core.parquet import schema_text

        rows = fingerprint["rows"]
        if count != rows:
            raise CheckFailed(
                f"{self.output()}: {rows:,} rows of {self.source}, but {count:,} were copied. Run it again."
            )
        source = Input(self.source, str(self.partition), fingerprint=fingerprint)
        files = [File(FILE, attempt.size(FILE), count)]
        return Made(Counts(count, count, 0), files, schema_text(self.schema), (source,))

    def _copy(self, store: Database, cursor: Any, attempts: Mapping[Partition, Attempt]) -> dict[str, int]:
        """Write a file for each partition, and return how many rows it has by the partition's value."""
        # A third of a second, for those who read or write Parquet only.
        import pyarrow as pa

        from pipeline.core.parquet import Misplaced, write_partitions

        of = {partition.value: attempt for partition, attempt in attempts.items()}
        [key] = {partition.key for partition in attempts}
        with store.copy_out_file(cursor, self.query, Partition.parameters(list(attempts))) as rows:
            try:
                return write_partitions(rows, key, of, self.schema, lambda value: of[value].open(FILE))
            except pa.ArrowInvalid as error:
                problem = f"a row of {self.source} does not fit: {error}. Look for it with sql/{self.query}"
                raise JobFailed(f"{_named(self.dataset, attempts)}: {problem}; nothing was committed.") from error
            except Misplaced as error:
                problem = f"sql/{self.query} has rows of {key}={error}, which it shall not have, or not there"
                raise JobFailed(f"{_named(self.dataset, attempts)}: {problem}; nothing was committed.") from error


def _named(dataset: Dataset, partitions: Collection[Partition]) -> str:
    first, *others = sorted(partitions)
    return f"{dataset}/{first}" + (f" and {len(others)} more" if others else "")
