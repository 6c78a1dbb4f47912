"""The main that every job shares: reads, refuses, transforms, writes, counts.

A job is a module with three functions:

    read(spark, location)   the rows as they are; one that the reader cannot parse keeps its text in `_refused`
    refusal()               a Column: why a row cannot be taken, or null
    transform(rows)         the rows as they are written; its last select is the schema

It runs as   spark-submit --py-files spark_jobs.zip spark_jobs/<job>.py --input ... --output ... --refused ...
--report ... --run-id ...   where each place is a folder (the report: a file) that Hadoop can open. Output is Parquet;
refused rows are JSON lines (file, place, reason); the report says what was read, written and refused.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from pyspark.sql import Column, DataFrame, Observation, SparkSession
from pyspark.sql import functions as F  # noqa: N812

from spark_jobs.hadoop import Hadoop

REFUSED = "_refused"
UNPARSED = "the row does not fit the columns"
# A quoted field may span lines, so that a raw file is read by one task, whatever its size.
INPUT_BYTES_PER_FILE = 64 << 20

SETTINGS = {
    "spark.sql.session.timeZone": "UTC",
    # Spectrum reads no nanoseconds.
    "spark.sql.parquet.outputTimestampType": "TIMESTAMP_MICROS",
}


class Job(Protocol):
    """What a module of spark_jobs/ offers."""

    def read(self, spark: SparkSession, location: str) -> DataFrame: ...
    def refusal(self) -> Column: ...
    def transform(self, rows: DataFrame) -> DataFrame: ...


@dataclass(frozen=True)
class Options:
    """One run of a job: where it reads, and where it writes."""

    input: str
    output: str
    refused: str
    report: str
    run_id: str


def parse(arguments: Sequence[str] | None = None) -> Options:
    """Return the options of a command line; without arguments, of this process's."""
    parser = argparse.ArgumentParser()
    for name, text in (
        ("--input", "the folder of raw files"),
        ("--output", "the folder to write, replaced if it is there"),
        ("--refused", "the folder for the rows that are refused"),
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
    """Write what a job makes of its input, and return the report, which is written last."""
    for name, value in SETTINGS.items():
        spark.conf.set(name, value)
    hadoop = Hadoop(spark)
    rows = _with_reason(job, job.read(spark, options.input))
    files = 1 + hadoop.size(options.input) // INPUT_BYTES_PER_FILE
    counts, schema = _write(job, rows.coalesce(files), options.output)
    if counts["refused"]:
        _write_refused(rows, options.refused)
    written = hadoop.parquet_files(options.output)
    counts["written"] = sum(file["rows"] for file in written)
    if counts["read"] != counts["written"] + counts["refused"]:
        raise RuntimeError("read {read} rows, wrote {written} and refused {refused}".format(**counts))
    report = {"run_id": options.run_id, **counts, "files": written, "schema": schema}
    hadoop.write_text(options.report, json.dumps(report, indent=2, sort_keys=True) + "\n")
    return report


def _with_reason(job: Job, rows: DataFrame) -> DataFrame:
    """Return the rows with _file, and with _reason, which is null for a good one."""
    unparsed = F.col(REFUSED).isNotNull()
    return rows.withColumns(
        {"_file": F.input_file_name(), "_reason": F.when(unparsed, UNPARSED).otherwise(job.refusal())}
    )


def _write(job: Job, rows: DataFrame, output: str) -> tuple[dict[str, int], dict[str, str]]:
    """Write the good rows, counting all of them on the way; return the counts and the schema."""
    seen = Observation()
    counted = rows.observe(seen, F.count(F.lit(1)).alias("read"), F.count("_reason").alias("refused"))
    made = job.transform(counted.where("_reason IS NULL"))
    made.write.mode("overwrite").parquet(output)
    return seen.get, {field.name: field.dataType.simpleString() for field in made.schema}


def _write_refused(rows: DataFrame, folder: str) -> None:
    """Write the refused rows with their text as it was read, so that they can be mended and fed again."""
    columns = [name for name in rows.columns if not name.startswith("_")]
    as_read = {"escape": '"', "ignoreLeadingWhiteSpace": "false", "ignoreTrailingWhiteSpace": "false"}
    text = F.coalesce(REFUSED, F.to_csv(F.struct(*columns), as_read))
    refused = rows.where("_reason IS NOT NULL")
    lines = refused.select(F.col("_file").alias("file"), text.alias("place"), F.col("_reason").alias("reason"))
    lines.coalesce(1).write.mode("overwrite").json(folder)
