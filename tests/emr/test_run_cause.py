"""The cause of a job run's failure is read in its driver's logs, once these were copied a last time."""

from __future__ import annotations

import gzip
import os
import time
from datetime import datetime, timedelta, timezone
from pathlib import Path
from threading import Timer

import pytest

from emr import run_cause
from emr.cause import Cause
from emr.run_cause import cause_of_run
from pipeline.core.store.local import LocalStore

FOLDER = "applications/00a/jobs/00b/SPARK_DRIVER"
ENDED_AT = datetime(2026, 11, 23, 12, tzinfo=timezone.utc)
TRACEBACK = 'Traceback (most recent call last):\n  File "/tmp/job.py", line 7, in <module>\n    x()\nValueError: no x\n'


@pytest.fixture
def logs(tmp_path, monkeypatch):
    monkeypatch.setattr(run_cause, "LOOK_SECONDS", 0.05)
    monkeypatch.setattr(run_cause, "COPIED_SECONDS", 0.3)
    (tmp_path / FOLDER).mkdir(parents=True)
    return LocalStore(str(tmp_path))


def given(logs, name, text, seconds):
    """Write a log so many seconds after the end of the job run."""
    path = Path(logs.url(f"{FOLDER}/{name}.gz"))
    draft, moment = path.with_suffix(".new"), (ENDED_AT + timedelta(seconds=seconds)).timestamp()
    draft.write_bytes(gzip.compress(text.encode()))
    os.utime(draft, (moment, moment))
    draft.replace(path)


def cause(logs, wait_seconds=10.0):
    return cause_of_run(logs, FOLDER, ENDED_AT, wait_seconds)


def test_what_the_job_threw_is_told_with_its_line_and_its_log(logs):
    given(logs, "stdout", TRACEBACK, seconds=1)
    given(logs, "stderr", "WARN Utils: something else\n", seconds=1)

    assert cause(logs) == Cause("ValueError: no x (job.py:7)", logs.url(f"{FOLDER}/stdout.gz"))


def test_what_spark_threw_is_told_where_the_job_says_nothing(logs):
    given(logs, "stdout", "", seconds=1)
    given(logs, "stderr", 'Exception in thread "main" java.io.IOException: No space\n\tat a.B.c(B.java:7)\n', seconds=1)

    assert cause(logs).reason == "java.io.IOException: No space (B.java:7)"


def test_the_last_line_is_told_where_nothing_was_thrown(logs):
    given(logs, "stdout", "job.py: error: unrecognized arguments: --x\n", seconds=1)
    given(logs, "stderr", "INFO Shutdown hook called\n", seconds=1)

    assert cause(logs).reason == "job.py: error: unrecognized arguments: --x"


def test_what_is_logged_when_all_is_well_is_no_cause(logs):
    given(logs, "stdout", "", seconds=1)
    given(logs, "stderr", "26/11/22 12:01:00 INFO ShutdownHookManager: Deleting directory /tmp/spark-1\n", seconds=1)

    assert cause(logs) == Cause("", logs.url(FOLDER))


def test_a_log_that_was_copied_before_the_end_is_waited_for(logs):
    for name in ("stdout", "stderr"):
        given(logs, name, "ValueError: handled\n", seconds=-5)
    Timer(0.2, given, (logs, "stdout", TRACEBACK, 1)).start()
    Timer(0.2, given, (logs, "stderr", "", 1)).start()

    assert cause(logs).reason == "ValueError: no x (job.py:7)"


def test_a_log_that_is_not_copied_again_is_read_after_two_copies_would_have_come(logs):
    given(logs, "stdout", TRACEBACK, seconds=-5)
    began = time.monotonic()

    found = cause(logs)

    assert found.reason == "ValueError: no x (job.py:7)"
    assert 0.6 <= time.monotonic() - began < 5


def test_logs_that_never_come_leave_where_to_look(logs):
    assert cause(logs, wait_seconds=0.1) == Cause("", logs.url(FOLDER))
