"""The process that makes the archive of Spark's classes: it does what every job does, and ends its JVM.

python -m pipeline.core.spark.archive FILE
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F  # noqa: N812

from pipeline.core.spark.session import start_session
from spark_jobs import job


class Sample:
    """A job whose rows go through what jobs are made of: CSV, text, conversions, refusals."""

    def read(self, spark: SparkSession, locations: list[str]) -> DataFrame:
        schema = f"number string, text string, {job.REFUSED} string"
        return spark.read.csv(
            locations,
            schema,
            header=True,
            enforceSchema=False,
            multiLine=True,
            escape='"',
            columnNameOfCorruptRecord=job.REFUSED,
        )

    def refusal(self) -> Column:
        return F.when(~F.col("number").rlike(r"^\d+$"), "no number")

    def transform(self, rows: DataFrame) -> DataFrame:
        number = F.col("number").cast("int")
        return rows.select(number.alias("number"), F.lower("text").rlike(r"\bgood\b").alias("is_good"))


def main(file: str) -> None:
    """Make the archive."""
    quiet = "-Xlog:disable -Xlog:all=error:stderr"
    spark = start_session({"spark.driver.extraJavaOptions": f'{quiet} "-XX:ArchiveClassesAtExit={file}"'})
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        day = place / "input" / "insert_date=2010-12-01"
        day.mkdir(parents=True)
        (day / "sample.csv").write_text("number,text\n1,good\nx,bad\n", encoding="utf-8")
        places = {name: f"file://{place / name}" for name in ("output", "refused", "report")}
        options = job.Options([f"file://{day}"], **places, run_id="archive")
        job.run(Sample(), spark, options)
    jvm = spark.sparkContext._gateway.proc  # type: ignore[union-attr]
    # The JVM ends with its input, and writes the archive at its end.
    jvm.stdin.close()
    jvm.wait()


if __name__ == "__main__":
    main(*sys.argv[1:])
