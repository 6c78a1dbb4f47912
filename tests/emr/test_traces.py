"""Of what a log tells of, the exception that was thrown first is found, and the line that threw it."""

import pytest

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


def test_a_driver_that_ran_out_of_memory_and_was_killed_for_it_is_told_of():
    text = '# java.lang.OutOfMemoryError: Java heap space\n# -XX:OnOutOfMemoryError="kill -9 %p"\n#   Executing kill\n'

    assert str(deepest(text)) == "java.lang.OutOfMemoryError: Java heap space"


@pytest.mark.parametrize(
    "error",
    ["Py4JError: An error occurred while calling o95.parquet", "Py4JNetworkError: Answer from Java side is empty"],
)
def test_that_java_is_gone_is_not_the_cause(error):
    memory = "java.lang.OutOfMemoryError: Java heap space"

    assert deepest(f"{memory}\n\tat a.B.c(B.java:7)\n{OURS}py4j.protocol.{error}\n").error == memory
    assert deepest(f"{OURS}py4j.protocol.{error}\n") is None


def test_what_java_refuses_of_a_call_is_the_cause():
    error = "py4j.protocol.Py4JError: An error occurred while calling o9.x. Trace:\npy4j.Py4JException: no method\n"

    assert str(deepest(f"{OURS}{error}")) == "py4j.Py4JException: no method"


def test_what_a_task_of_mapreduce_threw_is_told_of():
    text = "Error: java.lang.RuntimeException: Reducer task failed to copy 1 files\n\tat a.B.c(B.java:67)\n"

    assert str(deepest(text)) == "java.lang.RuntimeException: Reducer task failed to copy 1 files (B.java:67)"


def test_what_java_tells_again_with_less_around_it_is_not_the_cause():
    program = 'java.io.IOException: Cannot run program "/usr/bin/python3.11": error=2, No such file or directory'
    s3 = "software.amazon.awssdk.services.s3.model.S3Exception: (Service: S3, Status Code: 403)"
    path = f"java.nio.file.AccessDeniedException: s3://lake/stage: getFileStatus on s3://lake/stage: {s3}:null"

    assert str(deepest(f"{program}\nCaused by: java.io.IOException: error=2, No such file or directory\n")) == program
    assert str(deepest(f"{path}\n\tat a.B.c(B.java:7)\nCaused by: {s3}\n")) == f"{path} (B.java:7)"


def test_what_says_no_more_than_what_it_was_caused_by_is_not_the_cause():
    error = 'java.lang.NumberFormatException: For input string: "abc"'
    spark = f"org.apache.spark.SparkException: Job aborted due to stage failure: Lost task 0.3 (executor 1): {error}"

    assert deepest(f"java.lang.RuntimeException: {error}\nCaused by: {error}\n").error == error
    assert deepest(f"{spark}\nCaused by: {error}\n").error == error
    assert deepest("a.B: no\nCaused by: java.lang.NullPointerException\n").error == "java.lang.NullPointerException"


def test_of_a_failure_that_is_told_at_length_the_end_is_kept_too():
    spark = "org.apache.spark.SparkException: Job aborted due to stage failure: Task 0 failed 4 times, most"
    lost = f"Lost task 0.3 in stage 1.0 (TID 4) (ip-10-61-0-12 executor 4): ExecutorLostFailure {'(..) ' * 90}Reason:"
    end = "Exit status: -100. Diagnostics: Container released on a *lost* node."

    told = str(deepest(f"{spark} recent failure: {lost} {end}\n"))

    assert told.startswith("org.apache.spark.SparkException: Lost task 0.3 in stage 1.0")
    assert told.endswith(end)
    assert " ... " in told and len(told) < 420


def test_what_is_left_out_takes_no_word_apart():
    before, after, url = "before " * 26, " after" * 29, "redshift://bob:hunter2@host/db"

    told = str(deepest(f"ab.Cd: {before}{url}{' x' * 99} {url}{after}\n"))

    assert told == f"ab.Cd: {before.rstrip()} ... {after.strip()}"
