"""Of what a log tells of, the exception that was thrown first is found, and the line that threw it."""

from emr.traces import deepest

CONTAINER = "/mnt/yarn/usercache/hadoop/appcache/application_1_0001/container_1_0001_01_000001"
OURS = f'''Traceback (most recent call last):
  File "{CONTAINER}/classified_movie_review.py", line 48, in <module>
    job.main(sys.modules[__name__])
  File "{CONTAINER}/spark_jobs.zip/spark_jobs/job.py", line 80, in main
    run(job, spark, options)
'''
PY4J = f"""{OURS}  File "{CONTAINER}/pyspark.zip/pyspark/sql/readwriter.py", line 1721, in parquet
  File "{CONTAINER}/py4j-src.zip/py4j/protocol.py", line 326, in get_return_value
py4j.protocol.Py4JJavaError: An error occurred while calling o72.parquet.
: org.apache.spark.SparkException: Job aborted due to stage failure: Task 0 failed 4 times
\tat org.apache.spark.scheduler.DAGScheduler.abort(DAGScheduler.scala:2844)
Caused by: java.io.IOException: No space left on device
\tat java.base/java.io.FileOutputStream.writeBytes(Native Method)
\tat java.base/java.io.FileOutputStream.write(FileOutputStream.java:349)
"""


def test_a_python_exception_has_the_last_line_of_ours():
    thrown = deepest(f"INFO starting\n{OURS}ValueError: it is broken\nINFO ending\n")

    assert str(thrown) == "ValueError: it is broken (spark_jobs/job.py:80)"


def test_what_java_threw_is_the_cause_and_the_line_of_ours_that_called_it_its_place():
    assert str(deepest(PY4J)) == "java.io.IOException: No space left on device (spark_jobs/job.py:80)"


def test_what_a_function_in_python_threw_is_the_cause_of_what_java_threw():
    inner = 'Traceback (most recent call last):\n  File "/x/spark_jobs.zip/spark_jobs/classify.py", line 7, in f\n'

    thrown = deepest(f"{PY4J}Caused by: org.apache.spark.api.python.PythonException: {inner}KeyError: 'cid'\n")

    assert str(thrown) == "KeyError: 'cid' (spark_jobs/classify.py:7)"


def test_what_was_thrown_because_of_another_is_not_the_cause():
    consequence = "The above exception was the direct cause of the following exception:"

    thrown = deepest(f"{OURS}KeyError: 'cid'\n\n{consequence}\n\n{OURS}RuntimeError: no row\n")

    assert thrown.error == "KeyError: 'cid'"


def test_java_alone_has_its_own_line():
    text = """26/11/22 INFO S3DistCp: Using output path
Exception in thread "main" java.lang.RuntimeException: Error running job
\tat com.amazon.elasticmapreduce.s3distcp.S3DistCp.run(S3DistCp.java:1010)
Caused by: org.apache.hadoop.mapred.InvalidInputException: Input path does not exist: hdfs:/tmp/files
\tat org.apache.hadoop.mapred.FileInputFormat.listStatus(FileInputFormat.java:294)
\t... 9 more
"""
    assert str(deepest(text)) == (
        "org.apache.hadoop.mapred.InvalidInputException: Input path does not exist: hdfs:/tmp/files"
        " (FileInputFormat.java:294)"
    )


def test_of_two_failures_the_last_one_counts():
    assert deepest(f"{OURS}ValueError: first\nINFO tried again\n{OURS}ValueError: last\n").error == "ValueError: last"


def test_a_log_without_an_exception_tells_of_none():
    assert deepest("INFO Client: Application report (state: FINISHED)\n") is None
