"""Why a step failed is found in the logs that EMR copies to S3, of its own and of its containers."""

from __future__ import annotations

import gzip
import threading
import time

import pytest

from emr.cause import probable_cause
from pipeline.core.store.local import LocalStore

STEP, CONTAINERS = "j-1/steps/s-1", "j-1/containers/application_1_0001"
CLIENT = """INFO Client: Application report for application_1_0001 (state: FINISHED)
Exception in thread "main" org.apache.spark.SparkException: Application application_1_0001 finished with failed status
"""
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
