"""What the Spark driver does with Spark: its session, a job's work and progress, and why a job failed."""

from __future__ import annotations

import importlib
import os
import sys
import textwrap
import traceback
import uuid
from collections.abc import Mapping
from typing import Any

from py4j.protocol import Py4JNetworkError  # type: ignore[import-untyped]
from pyspark import __version__
from pyspark.sql import SparkSession

from pipeline.core.errors import JobFailed, one_line
from pipeline.core.spark.java import java
from pipeline.core.spark.master import not_taken, own_address
from spark_jobs import job

LONGEST_CAUSE = 400
STOPPED = "stopped SparkContext"
JAVA_OPTIONS = "spark.driver.extraJavaOptions"
OWN_SETTINGS = {"spark.ui.showConsoleProgress": "false"}


def start_session(settings: Mapping[str, str]) -> SparkSession:
    """Return the session of this process. Raises JobFailed if Spark does not start.

    Its ports are on loopback only, or, where a Spark master has workers of its own, on the address that these reach.
    """
    if java() is None:
        raise JobFailed(
            "Spark needs Java 17 or newer: install it (apt install openjdk-17-jre-headless), or set JAVA_HOME."
        )
    address = own_address(settings.get("spark.master", ""))
    os.environ.update(SPARK_LOCAL_IP=address, PYSPARK_PYTHON=sys.executable, PYSPARK_DRIVER_PYTHON=sys.executable)
    plain = {name: value for name, value in settings.items() if name != JAVA_OPTIONS}
    try:
        return _session({"spark.driver.host": address, "spark.driver.bindAddress": address, **settings})
    except Exception as error:
        # It was stopped while it was being made.
        if STOPPED in str(error):
            raise JobFailed(not_taken(settings["spark.master"], __version__)) from error
        # An archive of classes that was cut short kills the JVM that uses it.
        if plain == settings:
            raise JobFailed(
                f"Spark {__version__} does not start on {java()}: {cause(error).rstrip('.')}. Is it Java 17?"
            ) from error
        traceback.print_exc()
        return start_session(plain)


def _session(settings: Mapping[str, str]) -> SparkSession:
    builder = SparkSession.builder.appName("lakeshift")
    for name, value in {**OWN_SETTINGS, **settings}.items():
        builder = builder.config(name, value)
    return builder.getOrCreate()


class Work:
    """One job on the shared session, which can be watched and cancelled from another thread."""

    def __init__(self, session: SparkSession, module: str, arguments: list[str]) -> None:
        self.context = session.sparkContext
        self.session = session.newSession()
        self.job: Any = importlib.import_module(module)
        self.options = job.parse(arguments)
        self.group = f"{module}-{uuid.uuid4().hex}"
        self.seen_percent = 0.0

    @property
    def url(self) -> str | None:
        return self.context.uiWebUrl

    def run(self) -> None:
        self.context.setJobGroup(self.group, f"{self.job.__name__} {self.options.run_id}", interruptOnCancel=True)
        job.run(self.job, self.session, self.options)

    def cancel(self) -> None:
        self.context.cancelJobGroup(self.group)

    def percent(self) -> float:
        """Return the share of the tasks of the stages known so far that are done.

        Spark plans some stages when others are done, so the share may fall; it is 100 only when the job has ended.
        """
        tracker = self.context.statusTracker()
        jobs = [tracker.getJobInfo(number) for number in tracker.getJobIdsForGroup(self.group)]
        stages = [tracker.getStageInfo(number) for one in jobs if one for number in one.stageIds]
        tasks = sum(stage.numTasks for stage in stages if stage)
        done = sum(stage.numCompletedTasks for stage in stages if stage)
        if done < tasks:
            self.seen_percent = round(100 * done / tasks, 1)
        return self.seen_percent


def cause(error: BaseException) -> str:
    """Return the deepest cause of an error, on one line; Java's own where there is one."""
    if isinstance(error, ConnectionError | Py4JNetworkError):
        return "Spark's JVM has ended, perhaps for want of memory: look at [jobs] driver_memory."
    # Py4J keeps the Java exception under one name, the exceptions that pyspark makes of it under another.
    thrown = getattr(error, "java_exception", None) or getattr(error, "_origin", None)
    if thrown is None:
        return one_line(error)
    while thrown.getCause() is not None:
        thrown = thrown.getCause()
    # Spark may add its whole plan to a message.
    message = textwrap.shorten(str(thrown.getMessage()), LONGEST_CAUSE, placeholder=" ...")
    return f"{thrown.getClass().getSimpleName()}: {message}"
