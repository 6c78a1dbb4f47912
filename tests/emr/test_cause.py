"""Why a step failed is found in the logs that EMR copies to S3, of its own and of its containers."""

from __future__ import annotations

import gzip
import threading
import time

import pytest

from emr.cause import TASK_LOGS, probable_cause
from pipeline.core.store.local import LocalStore

STEP, CONTAINERS = "j-1/steps/s-1", "j-1/containers/application_1_0001"
CLIENT = """INFO Client: Application report for application_1_0001 (state: FINISHED)
Exception in thread "main" org.apache.spark.SparkException: Application application_1_0001 finished with failed status
"""
LOGGED = """26/11/22 12:00:09 INFO Client: Application report for application_1_0001 (state: RUNNING)
26/11/22 12:01:00 WARN TaskSetManager: Lost task 0.0
26/11/22 12:01:00 INFO ShutdownHookManager: Deleting directory /mnt/tmp/spark-1
"""
COPY = """26/11/22 12:00:03 INFO impl.YarnClientImpl: Submitted application application_1_0001
Error: java.lang.RuntimeException: Reducer task failed to copy 1 files: s3://lake/stage/x
Exception in thread "main" java.lang.RuntimeException: Error running job
\tat com.amazon.elasticmapreduce.s3distcp.S3DistCp.run(S3DistCp.java:938)
"""
MASTER = "2026-11-22 12:00:15,123 INFO [main] org.apache.hadoop.mapreduce.v2.app.MRAppMaster: Created MRAppMaster\n"
DENIED = "com.amazonaws.services.s3.model.AmazonS3Exception: Access Denied (Service: Amazon S3; Status Code: 403)"
BROKEN = 'Traceback (most recent call last):\n  File "/x/job.py", line 3, in <module>\nValueError: it is broken\n'


@pytest.fixture
def logs(tmp_path):
    return LocalStore(str(tmp_path))


def given(logs, path: str, text: str) -> None:
    assert logs.create(f"{path}.gz", gzip.compress(text.encode()))


def test_a_driver_that_threw_says_more_than_the_step(logs):
    given(logs, f"{STEP}/stderr", CLIENT)
    given(logs, f"{CONTAINERS}/container_1_0001_01_000001/stdout", BROKEN)
    given(logs, f"{CONTAINERS}/container_1_0001_01_000001/stderr", "INFO ApplicationMaster\n")

    cause = probable_cause(logs, "j-1", "s-1", 0)

    assert cause.reason == "ValueError: it is broken (job.py:3)"
    assert cause.log == logs.url(f"{CONTAINERS}/container_1_0001_01_000001/stdout.gz")


def test_a_driver_that_ran_in_the_step_says_it_on_the_step_s_stdout(logs):
    given(logs, f"{STEP}/stderr", "INFO Client: Submitting application application_1_0001\n")
    given(logs, f"{STEP}/stdout", BROKEN)
    given(logs, f"{CONTAINERS}/container_1_0001_01_000001/stderr", "java.io.IOException: the driver is gone\n")

    assert probable_cause(logs, "j-1", "s-1", 0).reason == "ValueError: it is broken (job.py:3)"


def test_of_the_attempts_of_an_application_the_last_one_counts(logs):
    given(logs, f"{STEP}/stderr", CLIENT)
    for number, error in ((1, "first"), (2, "second")):
        given(logs, f"{CONTAINERS}/container_1_0001_0{number}_000001/stdout", BROKEN.replace("it is broken", error))

    assert probable_cause(logs, "j-1", "s-1", 0).reason == "ValueError: second (job.py:3)"


def test_a_driver_that_threw_nothing_says_it_with_its_last_line(logs):
    given(logs, f"{STEP}/stderr", CLIENT)
    given(logs, f"{CONTAINERS}/container_1_0001_01_000001/stdout", "usage: ...\njob.py: error: no --input\n")

    assert probable_cause(logs, "j-1", "s-1", 0).reason == "job.py: error: no --input"


def test_a_step_that_began_no_application_says_it_itself_without_a_wait(logs):
    given(logs, f"{STEP}/stderr", "Caused by: java.io.IOException: Access Denied\n\tat a.B.c(B.java:7)\n")
    given(logs, f"{STEP}/stdout", "")

    cause = probable_cause(logs, "j-1", "s-1", 60)

    assert cause.reason == "java.io.IOException: Access Denied (B.java:7)"
    assert cause.log == logs.url(f"{STEP}/stderr.gz")


@pytest.mark.parametrize(
    "said", ["the feed has no column cid\n", "job.py: error: no --input\n", "  File 'j.py'\nSyntaxError: bad\n"]
)
def test_a_job_that_threw_nothing_says_it_with_the_last_line_of_the_step_s_stdout(logs, said):
    given(logs, f"{STEP}/stderr", LOGGED)
    given(logs, f"{STEP}/stdout", said)

    cause = probable_cause(logs, "j-1", "s-1", 0)

    assert cause.reason == said.splitlines()[-1]
    assert cause.log == logs.url(f"{STEP}/stdout.gz")


def test_what_is_logged_when_all_is_well_is_no_cause(logs):
    given(logs, f"{STEP}/stderr", LOGGED)
    given(logs, f"{STEP}/stdout", "2026-11-22T12:00:30.000Z INFO all is well\nlog4j:WARN No appenders\n")

    cause = probable_cause(logs, "j-1", "s-1", 0)

    assert (cause.reason, cause.log) == ("", logs.url(STEP))


def test_a_last_line_that_is_very_long_ends_with_a_whole_word(logs):
    given(logs, f"{STEP}/stdout", f"{'x ' * 145}redshift://bob:hunter2@host/db\n")

    assert probable_cause(logs, "j-1", "s-1", 0).reason == f"{'x ' * 145}..."


def test_a_process_that_was_killed_is_told_of_though_more_was_logged_after_it(logs):
    given(logs, f"{STEP}/stderr", f"spark-submit: line 27: 7 Killed exec spark-class\n{LOGGED}")
    given(logs, f"{STEP}/stdout", "")

    assert probable_cause(logs, "j-1", "s-1", 0).reason == "spark-submit: line 27: 7 Killed exec spark-class"


def test_a_copy_that_failed_is_told_by_the_last_of_its_tasks_that_threw(logs):
    given(logs, f"{STEP}/stderr", COPY)
    given(logs, f"{CONTAINERS}/container_1_0001_01_000001/syslog", MASTER)
    given(logs, f"{CONTAINERS}/container_1_0001_01_000002/syslog", "java.io.IOException: slow down\n")
    given(logs, f"{CONTAINERS}/container_1_0001_01_000010/syslog", f"{DENIED}\n\tat a.Http.request(Http.java:7)\n")
    given(logs, f"{CONTAINERS}/container_1_0001_01_000011/stderr", "log4j:WARN No appenders\n")

    cause = probable_cause(logs, "j-1", "s-1", 0)

    assert cause.reason == f"{DENIED} (Http.java:7)"
    assert cause.log == logs.url(f"{CONTAINERS}/container_1_0001_01_000010/syslog.gz")


def test_a_copy_that_names_its_application_in_its_syslog_is_told_by_its_tasks_too(logs):
    submitted, _, failed = COPY.partition("\n")
    given(logs, f"{STEP}/syslog", submitted)
    given(logs, f"{STEP}/stderr", failed)
    given(logs, f"{CONTAINERS}/container_1_0001_01_000002/syslog", f"{DENIED}\n")

    assert probable_cause(logs, "j-1", "s-1", 0).reason == DENIED


def test_the_logs_of_a_copy_s_tasks_are_waited_for(logs, monkeypatch):
    monkeypatch.setattr("emr.cause.LOOK_SECONDS", 0.05)
    given(logs, f"{STEP}/stderr", COPY)
    given(logs, f"{STEP}/stdout", "")
    threading.Timer(0.2, given, (logs, f"{CONTAINERS}/container_1_0001_01_000002/syslog", f"{DENIED}\n")).start()

    assert probable_cause(logs, "j-1", "s-1", 30).reason == DENIED


def test_of_very_many_tasks_only_the_last_are_asked(logs):
    given(logs, f"{STEP}/stderr", COPY)
    given(logs, f"{CONTAINERS}/container_1_0001_01_000002/syslog", f"{DENIED}\n")
    for number in range(3, 3 + TASK_LOGS):
        given(logs, f"{CONTAINERS}/container_1_0001_01_{number:06}/syslog", MASTER)

    assert (
        probable_cause(logs, "j-1", "s-1", 0).reason
        == "java.lang.RuntimeException: Error running job (S3DistCp.java:938)"
    )


def test_what_a_step_threw_itself_is_not_looked_for_in_its_tasks(logs):
    given(logs, f"{STEP}/stderr", f"{COPY}Caused by: java.io.IOException: Input path does not exist\n")
    given(logs, f"{STEP}/stdout", "")
    given(logs, f"{CONTAINERS}/container_1_0001_01_000002/syslog", "java.io.IOException: tried again\n")

    assert probable_cause(logs, "j-1", "s-1", 60).reason == "java.io.IOException: Input path does not exist"


def test_a_step_s_stdout_that_comes_after_its_stderr_is_waited_for(logs, monkeypatch):
    monkeypatch.setattr("emr.cause.LOOK_SECONDS", 0.5)
    given(logs, f"{STEP}/stderr", "WARN it looks bad\njava.io.IOException: some retry\n")
    threading.Timer(0.2, given, (logs, f"{STEP}/stdout", BROKEN)).start()

    assert probable_cause(logs, "j-1", "s-1", 30).reason == "ValueError: it is broken (job.py:3)"


def test_the_containers_logs_are_waited_for(logs, monkeypatch):
    monkeypatch.setattr("emr.cause.LOOK_SECONDS", 0.05)
    given(logs, f"{STEP}/stderr", CLIENT)
    path = f"{CONTAINERS}/container_1_0001_01_000001/stdout"
    later = threading.Timer(0.3, given, (logs, path, BROKEN))
    later.start()

    assert probable_cause(logs, "j-1", "s-1", 30).reason == "ValueError: it is broken (job.py:3)"


def test_logs_that_never_come_end_the_wait_and_leave_where_to_look(logs):
    began = time.monotonic()

    cause = probable_cause(logs, "j-1", "s-1", 0.3)

    assert (cause.reason, cause.log) == ("", logs.url(STEP))
    assert time.monotonic() - began < 5
