"""A task that extracts a day's rows of PostgreSQL into the lake."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from pipeline.core.database import Database, database
from pipeline.core.errors import CheckFailed, JobFailed
from pipeline.core.lake import Attempt, Counts, File, Input, Partition
from pipeline.core.tasks.lake import Fingerprint, Made, SourceTask

if TYPE_CHECKING:
    import pyarrow as pa


class ExtractTask(SourceTask):
    """A day's rows of PostgreSQL, as Parquet. Both files of sql/ take %(insert_dates)s, and name the day of each row.

    `query` returns one day after the other, and `fingerprint` a row a day: how many rows it has, and a hash of them.
    """

    query: ClassVar[str]
    fingerprint: ClassVar[str]
    source: ClassVar[str]
    schema: ClassVar[pa.Schema]

    def source_now(self) -> Fingerprint:
        store = database()
        with store.transaction() as cursor:
            return self._fingerprint(store, cursor)

    def _fingerprint(self, store: Database, cursor: Any) -> dict[str, str | int]:
        store.run_file(cursor, self.fingerprint, Partition.parameters([self.partition]))
        _, rows, digest = cursor.fetchone()
        return {"rows": rows, "hash": str(digest)}

    def read(self, attempt: Attempt) -> Made:
        # A third of a second, for those who read or write Parquet only.
        import pyarrow as pa

        from pipeline.core.parquet import schema_text, write_parquet

        parameters = Partition.parameters([self.partition])
        name = "part-0000.parquet"
        store = database()
        with store.transaction() as cursor:
            fingerprint = self._fingerprint(store, cursor)
            with store.copy_out_file(cursor, self.query, parameters) as stream, attempt.open(name, "wb") as output:
                try:
                    count = write_parquet(stream, self.schema, output)
                except pa.ArrowInvalid as error:
                    raise JobFailed(
                        f"{self.output()}: a row of {self.source} does not fit: {error}."
                        f" Look for it with sql/{self.query}; nothing was committed."
                    ) from error
        rows = fingerprint["rows"]
        if count != rows:
            raise CheckFailed(
                f"{self.output()}: {rows:,} rows of {self.source}, but {count:,} were copied. Run it again."
            )
        source = Input(self.source, str(self.partition), fingerprint=fingerprint)
        files = [File(name, attempt.size(name), count)]
        return Made(Counts(count, count, 0), files, schema_text(self.schema), (source,))
