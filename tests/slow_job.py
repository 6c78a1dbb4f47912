"""A job that takes its time: it sleeps a moment for each row of its input, in stages of some tasks."""

from pyspark.sql import functions as F  # noqa: N812

from spark_jobs import job

TASKS = 12


def read(spark, locations):
    seconds = spark.read.csv(locations, "milliseconds long", header=True)
    tasks = seconds.repartition(TASKS).withColumn(
        "slept", F.expr("java_method('java.lang.Thread', 'sleep', milliseconds)")
    )
    return tasks.repartition(1).withColumn(job.REFUSED, F.lit(None).cast("string"))


def refusal():
    return F.lit(None).cast("string")


def transform(rows):
    return rows.select("slept")
