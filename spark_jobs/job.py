"""The main that every job shares: reads, refuses, transforms, writes, counts.

A job is a module with three functions:

    read(spark, locations)  the rows of some folders as they are; one that cannot be parsed keeps its text in `_refused`
    refusal()               a Column: why a row cannot be taken, or null
    transform(rows)         the rows as they are written, each made of one that was read; its last select is the schema

It runs as   spark-submit --py-files spark_jobs.zip spark_jobs/<job>.py --input ... --output ... --refused ...
--report ... --run-id ...   where each place is a folder (the report: a file) that Hadoop can open. An input is the
folder of a partition and named after it, such as insert_date=2010-12-01; there may be many. What is made of it lies in
a folder of that name below --output, as Parquet, and what was refused of it in one below --refused, as JSON lines
(file, place, reason). The report says of each partition what was read, written and refused.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from pyspark.sql import Column, DataFrame, Observation, SparkSession
from pyspark.sql import functions as F  # noqa: N812
from pyspark.sql.types import StructType

from spark_jobs.hadoop import Folder, Hadoop

REFUSED = "_refused"
UNPARSED = "the row does not fit the columns"
# A quoted field may span lines, so that a raw file is read by one task, whatever its size.
INPUT_BYTES_PER_FILE = 64 << 20

SETTINGS = {
    "spark.sql.session.timeZone": "UTC",
    # Spectrum reads no nanoseconds.
    "spark.sql.parquet.outputTimestampType": "TIMESTAMP_MICROS",
    # As if each file were this big: a task has one or two of them, so that days become no more files than they have.
    "spark.sql.files.openCostInBytes": str(INPUT_BYTES_PER_FILE),
    # To list a hundred folders as a job of Spark takes longer than one after the other.
    "spark.sql.sources.parallelPartitionDiscovery.threshold": "1000",
}
# The manifest says what is whole.
NO_MARK = {"mapreduce.fileoutputcommitter.marksuccessfuljobs": "false"}


class Job(Protocol):
    """What a module of spark_jobs/ offers."""

    def read(self, spark: SparkSession, locations: list[str]) -> DataFrame: ...
    def refusal(self) -> Column: ...
    def transform(self, rows: DataFrame) -> DataFrame: ...


@dataclass(frozen=True)
class Options:
    """One run of a job: where it reads, and where it writes."""

    input: Sequence[str]
    output: str
    refused: str
    report: str
    run_id: str


def parse(arguments: Sequence[str] | None = None) -> Options:
    """Return the options of a command line; without arguments, of this process's."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--input", required=True, nargs="+", help="the folders of partitions, or patterns of them")
    for name, text in (
        ("--output", "the folder that gets those of the partitions"),
        ("--refused", "the folder for the rows that are refused, likewise"),
        ("--report", "the JSON file that says what was done"),
        ("--run-id", "what the report calls this run"),
    ):
        parser.add_argument(name, required=True, help=text)
    return Options(**vars(parser.parse_args(arguments)))


def main(job: Job) -> None:
    """Run a job as this process's command line says."""
    options = parse()
    run(job, SparkSession.builder.appName(options.run_id).getOrCreate(), options)


def run(job: Job, spark: SparkSession, options: Options) -> dict[str, Any]:
    """Write what a job makes of its inputs, and return the report, which is written last."""
    for name, value in SETTINGS.items():
        spark.conf.set(name, value)
    hadoop = Hadoop(spark)
    inputs = hadoop.folders(options.input)
    rows = _with_reason(job, job.read(spark, [one.location for one in inputs]))
    writing = Writing(hadoop, inputs)
    counts, schema = writing.write(job, rows, options.output)
    refused = writing.write_refused(rows, options.refused) if counts["refused"] else {}
    files = writing.files(spark, options.output, schema)
    written = sum(file["rows"] for some in files.values() for file in some)
    if counts["read"] != written + counts["refused"] or counts["refused"] != sum(refused.values()):
        raise RuntimeError(f"read {counts['read']} rows, wrote {written} and refused {counts['refused']}")
    report = {
        "run_id": options.run_id,
        "schema": {field.name: field.dataType.simpleString() for field in schema},
        "partitions": {name: _told(some, refused.get(name, 0)) for name, some in files.items()},
    }
    hadoop.write_text(options.report, json.dumps(report, indent=2, sort_keys=True) + "\n")
    return report


def _told(files: list[dict[str, Any]], refused: int) -> dict[str, Any]:
    # All that were read are one or the other. Whether those are all that there were, the input's manifest knows.
    written = sum(file["rows"] for file in files)
    return {"read": written + refused, "written": written, "refused": refused, "files": files}


def _with_reason(job: Job, rows: DataFrame) -> DataFrame:
    """Return the rows with _file, and with _reason, which is null for a good one."""
    unparsed = F.col(REFUSED).isNotNull()
    return rows.withColumns(
        {"_file": F.input_file_name(), "_reason": F.when(unparsed, UNPARSED).otherwise(job.refusal())}
    )


class Writing:
    """Writes the rows of some partitions, all at once, each into a folder of its own."""

    def __init__(self, hadoop: Hadoop, inputs: Sequence[Folder]) -> None:
        self.hadoop = hadoop
        self.inputs = inputs
        self.names = [one.name for one in inputs]
        self.key = self.names[0].partition("=")[0]

    def write(self, job: Job, rows: DataFrame, output: str) -> tuple[dict[str, int], StructType]:
        """Write the good rows, counting all of them on the way; return the counts and the schema."""
        seen = Observation()
        counted = self._packed(rows).observe(seen, F.count(F.lit(1)).alias("read"), F.count("_reason").alias("refused"))
        made = job.transform(counted.where("_reason IS NULL"))
        self._save(made.withColumn(self.key, self._value()), output, self.names, "parquet")
        return seen.get, made.schema

    def write_refused(self, rows: DataFrame, folder: str) -> dict[str, int]:
        """Write the refused rows with their text as it was read, so that they can be mended and fed again.

        Returns their number in each partition that has some.
        """
        columns = [name for name in rows.columns if not name.startswith("_")]
        as_read = {"escape": '"', "ignoreLeadingWhiteSpace": "false", "ignoreTrailingWhiteSpace": "false"}
        text = F.coalesce(REFUSED, F.to_csv(F.struct(*columns), as_read))
        lines = rows.where("_reason IS NOT NULL").select(
            F.col("_file").alias("file"), text.alias("place"), F.col("_reason").alias("reason"),
            self._value().alias(self.key),
        ).persist()  # fmt: skip
        counts = {f"{self.key}={value}": count for value, count in lines.groupBy(self.key).count().collect()}
        self._save(lines.coalesce(1), folder, list(counts), "json")
        lines.unpersist()
        return counts

    def files(self, spark: SparkSession, output: str, schema: StructType) -> dict[str, list[dict[str, Any]]]:
        """Return the files that were written of each partition: of one without rows, one that has the schema."""
        found = self.hadoop.parquet_files(output, self.names)
        empty = [name for name in self.names if not found[name]]
        if not empty:
            return found
        nothing = f"{output}/{empty[0]}"
        spark.createDataFrame([], schema).coalesce(1).write.mode("append").options(**NO_MARK).parquet(nothing)
        self.hadoop.copy_files(nothing, [f"{output}/{name}" for name in empty[1:]])
        return found | self.hadoop.parquet_files(output, empty)

    def _packed(self, rows: DataFrame) -> DataFrame:
        """Return the rows in tasks that write no more files of a partition than its size asks for."""
        files = {one: 1 + one.bytes // INPUT_BYTES_PER_FILE for one in self.inputs}
        if len(files) == 1:
            return rows.coalesce(sum(files.values()))
        if all(one.files <= files[one] for one in files):
            return rows
        part = F.pmod(F.xxhash64("_file"), F.lit(max(files.values())))
        return rows.repartition(sum(files.values()), self._value(), part)

    def _value(self) -> Column:
        """Return the value of the partition that a row is of, as its file's folder has it; also after a transform."""
        if len(self.names) == 1:
            return F.lit(self.names[0].partition("=")[2])
        folder = F.substring_index(F.substring_index(F.col("_metadata.file_path"), "/", -2), "/", 1)
        return F.substring_index(folder, "=", -1)

    def _save(self, rows: DataFrame, folder: str, names: Sequence[str], kind: str) -> None:
        # What an earlier run of this job has left, it replaces.
        self.hadoop.delete([f"{folder}/{name}" for name in names])
        rows.write.mode("append").options(**NO_MARK).partitionBy(self.key).format(kind).save(folder)
