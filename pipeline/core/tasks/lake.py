"""Tasks that make a partition of a dataset in the lake, committed by its manifest."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import time
from typing import TYPE_CHECKING, Any, ClassVar
from zoneinfo import ZoneInfo

from pipeline.core.database import Database, database
from pipeline.core.errors import CheckFailed, JobFailed, PipelineError
from pipeline.core.feeds import open_feed, sha256_of
from pipeline.core.lake import Attempt, Counts, Dataset, File, Input, lake, refuse_too_many
from pipeline.core.sources import copy_feed
from pipeline.core.spark.jobs import run_job
from pipeline.core.targets import LakeTarget
from pipeline.core.tasks.partition import PartitionTask, refuse_unfinished
from pipeline.core.version import code_version

if TYPE_CHECKING:
    import pyarrow as pa

Fingerprint = Mapping[str, str | int]


@dataclass(frozen=True)
class Made:
    """What an attempt wrote, before it is committed."""

    rows: Counts
    files: Sequence[File]
    schema: dict[str, str]
    inputs: tuple[Input, ...]
    first_refusal: str = ""
    remedy: str = ""
    # What is odd in it, and kept all the same.
    findings: tuple[str, ...] = ()
    # An earlier one, where what a dead run had begun was found again.
    attempt: Attempt | None = None


class LakeTask(PartitionTask):
    """A partition of a dataset in the lake."""

    dataset: ClassVar[Dataset]

    def output(self) -> LakeTarget:
        return LakeTarget(self.dataset, self.partition)

    def write(self, attempt: Attempt) -> Made:
        """Write the data below the attempt's own folder."""
        raise NotImplementedError

    def make(self) -> str:
        attempt = lake().begin(self.dataset, self.partition, self.task_id)
        made = self.write(attempt)
        attempt = made.attempt or attempt
        place = attempt.quarantine_location
        refuse_too_many(made.rows, str(self.output()), place, made.first_refusal, made.remedy)
        attempt.commit(made.files, made.rows, made.schema, made.inputs, code_version())
        self.rows = asdict(made.rows)
        counts = f"read {made.rows.read:,}, wrote {made.rows.written:,}, refused {made.rows.refused:,}"
        kept = [f"kept {', '.join(made.findings)}"] if made.findings else []
        return "; ".join([counts, *kept, *([f"refused rows: {place}"] if made.rows.refused else [])])


class SourceTask(LakeTask):
    """A partition of what lies outside the lake, taken when its day has ended."""

    # All sources are read while Spark starts, and the sources of a day close to each other.
    priority = 10

    def zone(self) -> ZoneInfo:
        """Return the zone in which the day ends."""
        raise NotImplementedError

    def closes(self) -> time | None:
        """Return the time of day there at which it ends, or None where it does at midnight."""
        return None

    def read(self, attempt: Attempt) -> Made:
        """Read the source, and write it below the attempt's own folder."""
        raise NotImplementedError

    def source_now(self) -> Fingerprint:
        """Return the part of the source's fingerprint, as it is now, that can be had without reading all of it."""
        raise NotImplementedError

    def source_id(self) -> Hashable:
        """Return what only those tasks have in common whose source is the very same, whatever their day."""
        return self.task_id

    @classmethod
    def sources_now(cls, tasks: Collection[Any]) -> dict[Any, Fingerprint | PipelineError]:
        """Return source_now of each of the tasks, or why it cannot be told, asking a source that several read once."""
        first = {task.source_id(): task for task in tasks}
        found = {source: _source_now(task) for source, task in first.items()}
        return {task: found[task.source_id()] for task in tasks}

    def is_as_read(self, read: Fingerprint, now: Fingerprint) -> bool:
        """Say whether the source, of which source_now says `now`, is what a partition with that input was made of."""
        return all(read.get(key) == value for key, value in now.items())

    def has_changed(self) -> bool:
        """Say whether the source is no longer what the committed partition was made of."""
        manifest = lake().state(self.dataset, self.partition).manifest
        if manifest is None:
            return False
        [source] = manifest.inputs
        return not self.is_as_read(source.fingerprint, self.source_now())

    def write(self, attempt: Attempt) -> Made:
        refuse_unfinished(self.date, self.zone(), self.closes())
        return self.read(attempt)


def _source_now(task: SourceTask) -> Fingerprint | PipelineError:
    try:
        return task.source_now()
    except PipelineError as error:
        return error


class FeedTask(SourceTask):
    """A day's copy of the CSV file that a setting names; its records are checked while they are copied."""

    header: ClassVar[tuple[str, ...]]
    setting: ClassVar[str]

    def feed(self) -> str:
        """Return the path of the file."""
        raise NotImplementedError

    def source_id(self) -> Hashable:
        return self.feed()

    def source_now(self) -> Fingerprint:
        with open_feed(self.feed(), self.setting) as feed:
            return feed.fingerprint()

    def is_as_read(self, read: Fingerprint, now: Fingerprint) -> bool:
        if super().is_as_read(read, now):
            return True
        # One that was only copied, or touched, has the same content; one of another size has not.
        seen = tuple(sorted(now.items()))
        return read.get("bytes") == now["bytes"] and read.get("sha256") == sha256_of(self.feed(), self.setting, seen)

    def read(self, attempt: Attempt) -> Made:
        fed = copy_feed(self.feed(), self.header, attempt, self.setting)
        schema = dict.fromkeys(self.header, "string")
        return Made(fed.rows, fed.files, schema, (fed.source,), fed.first_refusal)


class ExtractTask(SourceTask):
    """A day's rows of PostgreSQL, as Parquet. The two files of sql/ take %(insert_date)s."""

    query: ClassVar[str]
    fingerprint: ClassVar[str]
    source: ClassVar[str]
    schema: ClassVar[pa.Schema]

    def source_now(self) -> Fingerprint:
        store = database()
        with store.transaction() as cursor:
            return self._fingerprint(store, cursor)

    def _fingerprint(self, store: Database, cursor: Any) -> dict[str, str | int]:
        store.run_file(cursor, self.fingerprint, {self.partition.key: self.partition.parameter})
        rows, digest = cursor.fetchone()
        return {"rows": rows, "hash": str(digest)}

    def read(self, attempt: Attempt) -> Made:
        # A third of a second, for those who read or write Parquet only.
        import pyarrow as pa

        from pipeline.core.parquet import schema_text, write_parquet

        parameters = {self.partition.key: self.partition.parameter}
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


class SparkTask(LakeTask):
    """A dataset that a job of spark_jobs/ makes of the one that this task requires."""

    job: ClassVar[str]
    uses_spark = True

    def write(self, attempt: Attempt) -> Made:
        required = self.requires()
        manifest = lake().manifest(required.dataset, required.partition)
        report = run_job(self.job, manifest.location, attempt, self)
        if report.rows.read != manifest.rows.written:
            raise CheckFailed(
                f"{self.output()}: {self.job} read {report.rows.read:,} rows of {manifest.location}, which holds"
                f" {manifest.rows.written:,}. Nothing was committed; look how it reads them."
            )
        source = Input(required.dataset.path, str(required.partition), manifest.attempt)
        # What it reads is committed, so that the same line again would read it again.
        remedy = f"When they are mended: lakeshift rerun {required.task_family} --date {self.date} --downstream"
        return Made(report.rows, report.files, report.schema, (source,), remedy=remedy, attempt=report.attempt)

    def progress(self, percent: float) -> None:
        """Show how far the job is, from 0 to 100."""
        if self.set_progress_percentage:
            self.set_progress_percentage(round(percent))

    def tracking_url(self, url: str) -> None:
        """Show where the job can be watched."""
        if self.set_tracking_url:
            self.set_tracking_url(url)
