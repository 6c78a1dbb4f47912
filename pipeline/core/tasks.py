"""The kinds of task a pipeline is made of. Each makes one partition, wholly or not at all, and may be run again.

LakeTask                a partition of a dataset in the lake, committed by its manifest
  FeedTask              ... copied from a file that was dropped
  ExtractTask           ... queried from PostgreSQL
  SparkTask             ... made by a job of spark_jobs/
ExternalPartitionTask   the entry of the external catalogue that points at a partition in the lake
QueriedTable            a partition of a table of the warehouse, made by a SQL file and checked by another
"""

from __future__ import annotations

import json
import logging
import time
import traceback
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, ClassVar
from zoneinfo import ZoneInfo

import luigi
import pyarrow as pa
from luigi.task import flatten

from pipeline.core import config, run
from pipeline.core.database import database
from pipeline.core.errors import CheckFailed, CommitLost, JobFailed, SourceUnavailable, one_line
from pipeline.core.etl_load import Load
from pipeline.core.lake import Attempt, Counts, Dataset, File, Input, Manifest, Partition, lake, new_attempt_id
from pipeline.core.parquet import schema_text, write_parquet
from pipeline.core.sources import copy_feed
from pipeline.core.spark import run_job
from pipeline.core.targets import ExternalPartitionTarget, LakeTarget, TableTarget
from pipeline.core.version import code_version
from pipeline.core.warehouse import external_partitions, warehouse

log = logging.getLogger(__name__)

run.install()

# All sources are read while Spark starts, and the sources of a day close to each other.
SOURCES_FIRST = 10


class PartitionTask(luigi.Task):
    """A task that makes the partition of one day. Whoever runs it says the day."""

    date = luigi.DateParameter(description="the day, such as 2010-12-01")

    uses_spark: ClassVar[bool] = False

    @property
    def partition(self) -> Partition:
        return Partition.of_date(self.date)

    def make(self) -> str:
        """Make the partition, and return in a few words what it holds."""
        raise NotImplementedError

    def run(self) -> None:
        started = time.monotonic()
        try:
            self.outcome = self.make()
        except CommitLost as lost:
            self.outcome = one_line(lost)
        self.seconds = time.monotonic() - started
        self.report(self.outcome)

    def report(self, message: str) -> None:
        """Show a message in the visualiser."""
        if self.set_status_message:
            self.set_status_message(message)

    def on_success(self) -> str:
        """Return what Luigi hands to the parent process, where the run's summary is made."""
        return json.dumps({"outcome": self.outcome, "seconds": round(self.seconds, 3)})

    def on_failure(self, exception: BaseException) -> str:
        """Say in one line what failed, and return it with the traceback for the visualiser."""
        line = one_line(exception)
        self.report(line)
        log.error("FAILED   %s %s: %s", self.task_family, self.date, line)
        return f"{line}\n\n{''.join(traceback.format_exception(exception))}"

    @classmethod
    def bulk_complete(cls, parameter_tuples: Iterable[date]) -> list[date]:
        """Return the days that are complete; kinds that can ask for all of them at once do."""
        return [day for day in parameter_tuples if cls(date=day).complete()]


@dataclass(frozen=True)
class Made:
    """What an attempt wrote, before it is committed."""

    rows: Counts
    files: Sequence[File]
    schema: dict[str, str]
    inputs: tuple[Input, ...]


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
        self.refuse_too_many(made.rows, attempt)
        attempt.commit(made.files, made.rows, made.schema, made.inputs, code_version())
        return f"read {made.rows.read:,}, wrote {made.rows.written:,}, refused {made.rows.refused:,}"

    def refuse_too_many(self, rows: Counts, attempt: Attempt) -> None:
        limit = config.lake().max_refused
        if rows.refused_share > limit:
            raise CheckFailed(
                f"{self.output()}: {rows.refused:,} of {rows.read:,} rows are refused, more than [lake] max_refused ="
                f" {limit:g}. Nothing was committed. The rows and the reasons: {attempt.quarantine_location}"
            )

    @classmethod
    def bulk_complete(cls, parameter_tuples: Iterable[date]) -> list[date]:
        complete = lake().complete_partitions(cls.dataset)
        return [day for day in parameter_tuples if Partition.of_date(day) in complete]


def refuse_unfinished(day: date, zone: ZoneInfo) -> None:
    """Raise CheckFailed if a day has not ended yet, unless the settings allow it."""
    ends = datetime.combine(day + timedelta(days=1), datetime.min.time(), zone)
    if datetime.now(zone) < ends and not config.lake().allow_unfinished:
        raise CheckFailed(
            f"{day} has not ended: it ends at {ends.isoformat()}. Run it after that,"
            " or set [lake] allow_unfinished = true and ask for a rerun afterwards."
        )


class FeedTask(LakeTask):
    """A day's copy of the CSV file that a setting names; its records are checked while they are copied."""

    header: ClassVar[tuple[str, ...]]
    setting: ClassVar[str]
    priority = SOURCES_FIRST

    def feed(self) -> str:
        """Return the path of the file."""
        raise NotImplementedError

    def zone(self) -> ZoneInfo:
        """Return the zone in which the day ends."""
        raise NotImplementedError

    def write(self, attempt: Attempt) -> Made:
        refuse_unfinished(self.date, self.zone())
        fed = copy_feed(self.feed(), self.header, attempt, self.setting)
        schema = dict.fromkeys(self.header, "string")
        return Made(fed.rows, fed.files, schema, (fed.source,))


class ExtractTask(LakeTask):
    """A day's rows of PostgreSQL, as Parquet. The two files of sql/ take %(insert_date)s."""

    query: ClassVar[str]
    fingerprint: ClassVar[str]
    source: ClassVar[str]
    schema: ClassVar[pa.Schema]
    priority = SOURCES_FIRST

    def zone(self) -> ZoneInfo:
        """Return the zone in which the day ends."""
        raise NotImplementedError

    def write(self, attempt: Attempt) -> Made:
        refuse_unfinished(self.date, self.zone())
        parameters = {self.partition.key: self.partition.parameter}
        name = "part-0000.parquet"
        store = database()
        with store.transaction() as cursor:
            store.run_file(cursor, self.fingerprint, parameters)
            rows, digest = cursor.fetchone()
            with store.copy_out_file(cursor, self.query, parameters) as stream, attempt.open(name, "wb") as output:
                try:
                    count = write_parquet(stream, self.schema, output)
                except pa.ArrowInvalid as error:
                    raise JobFailed(
                        f"{self.output()}: a row of {self.source} does not fit: {error}."
                        f" Look for it with sql/{self.query}; nothing was committed."
                    ) from error
        source = Input(self.source, str(self.partition), fingerprint={"rows": rows, "hash": str(digest)})
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
        source = Input(required.dataset.path, str(required.partition), manifest.attempt)
        return Made(report.rows, report.files, report.schema, (source,))

    def progress(self, percent: float) -> None:
        """Show how far the job is, from 0 to 100."""
        if self.set_progress_percentage:
            self.set_progress_percentage(round(percent))

    def tracking_url(self, url: str) -> None:
        """Show where the job can be watched."""
        if self.set_tracking_url:
            self.set_tracking_url(url)


class ExternalPartitionTask(PartitionTask):
    """The external catalogue's entry for the partition that this task requires."""

    table: ClassVar[str]

    @property
    def dataset(self) -> Dataset:
        return self.requires().dataset

    def output(self) -> ExternalPartitionTarget:
        return ExternalPartitionTarget(self.table, self.dataset, self.partition)

    def make(self) -> str:
        manifest = lake().manifest(self.dataset, self.partition)
        warehouse().set_external_partition(self.table, self.partition, manifest.location)
        return f"points at attempt {manifest.attempt}, {manifest.rows.written:,} rows"


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
        with store.load_partition(load) as cursor:
            rows = store.run_file(cursor, self.sql_file, parameters)
            self.refuse_moved(cursor, read)
            checks = store.check_file(cursor, self.sql_file.replace(".sql", "_checks.sql"), parameters)
        return f"wrote {rows:,}; {checks}"

    def refuse_moved(self, cursor: Any, read: dict[str, Manifest]) -> None:
        """Raise SourceUnavailable if what was just queried is not what the load says that it read."""
        for table, manifest in read.items():
            location = external_partitions(cursor, table).get(self.partition.value)
            if location != manifest.location:
                raise SourceUnavailable(
                    f"{self.output()}: {table} points at {location}, not at the committed {manifest.location}."
                    " Another run is replacing it; run this again."
                )
