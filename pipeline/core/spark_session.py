"""What the Spark driver does with Spark: its session, a job's work and progress, and why a job failed."""

from __future__ import annotations

import importlib
import os
import shutil
import sys
import uuid
from pathlib import Path
from typing import Any

from pyspark.sql import SparkSession

from pipeline.core import config
from pipeline.core.errors import JobFailed, one_line
from spark_jobs import job

LOOPBACK = "127.0.0.1"


def start_session() -> SparkSession:
    """Return the session of this process, its ports on loopback only. Raises JobFailed without Java."""
    if not shutil.which("java") and not Path(os.environ.get("JAVA_HOME", ""), "bin/java").is_file():
        raise JobFailed("Spark needs Java 17: install it (apt install openjdk-17-jre-headless), or set JAVA_HOME.")
    os.environ.update(SPARK_LOCAL_IP=LOOPBACK, PYSPARK_PYTHON=sys.executable, PYSPARK_DRIVER_PYTHON=sys.executable)
    builder = SparkSession.builder.appName("lakeshift").master(config.jobs().master)
    for name, value in settings().items():
        builder = builder.config(name, value)
    return builder.getOrCreate()


def settings() -> dict[str, str]:
    """Return what a driver is started with."""
    jobs = config.jobs()
    return {
        "spark.driver.memory": jobs.driver_memory,
        "spark.driver.host": LOOPBACK,
        "spark.driver.bindAddress": LOOPBACK,
        "spark.ui.port": str(jobs.ui_port),
        "spark.ui.showConsoleProgress": "false",
        # Several days at once share the cores, instead of waiting for the first.
        "spark.scheduler.mode": "FAIR",
    }


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
        # Within one pool the first job still goes first.
        self.context.setLocalProperty("spark.scheduler.pool", self.group)
        job.run(self.job, self.session, self.options)

    def cancel(self) -> None:
        self.context.cancelJobGroup(self.group)

    def percent(self) -> float:
        """Return the share of the known stages' tasks that are done, which never goes back."""
        tracker = self.context.statusTracker()
        jobs = [tracker.getJobInfo(number) for number in tracker.getJobIdsForGroup(self.group)]
        stages = [tracker.getStageInfo(number) for one in jobs if one for number in one.stageIds]
        tasks = sum(stage.numTasks for stage in stages if stage)
        done = sum(stage.numCompletedTasks for stage in stages if stage)
        self.seen_percent = max(self.seen_percent, round(100 * done / tasks, 1) if tasks else 0.0)
        return self.seen_percent


def cause(error: BaseException) -> str:
    """Return the deepest cause of an error, on one line; Java's own where there is one."""
    # Py4J keeps the Java exception under one name, the exceptions that pyspark makes of it under another.
    java = getattr(error, "java_exception", None) or getattr(error, "_origin", None)
    if java is None:
        return one_line(error)
    while java.getCause() is not None:
        java = java.getCause()
    message = " ".join(str(java.getMessage() or "").split())
    return f"{java.getClass().getSimpleName()}: {message}"
