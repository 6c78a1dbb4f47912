"""The Luigi workers' side of the Spark driver.

A run (one `luigi` command) has one driver, a process of its own: a SparkSession cannot cross the fork of a worker,
and a cold start costs seconds. It is started on first use, reached over a socket in the run's folder, and ends with
the run.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

import psutil

from emr.steps import JobLine
from pipeline.core import config
from pipeline.core.errors import JobFailed, JobThrew
from pipeline.core.kinds import is_standalone
from pipeline.core.locks import file_lock
from pipeline.core.runtime import RUN_FOLDER, runtime_folder
from pipeline.core.spark.java import java_options
from pipeline.core.spark.master import WAIT_SETTING

SOCKET = "driver.sock"


class Reporter(Protocol):
    """Who is told how a job goes."""

    def progress(self, percent: float) -> None: ...
    def tracking_url(self, url: str) -> None: ...


def drive(line: JobLine, what: str, reporter: Reporter) -> None:
    """Have the driver run a job, and pass on what it says of it. `what` says of what.

    Raises JobThrew if the job fails, JobFailed if it cannot be run.
    """
    with _connect(run_folder()) as connection, connection.makefile("rwb") as stream:
        stream.write(json.dumps({"module": line.module, "arguments": line.arguments}).encode() + b"\n")
        stream.flush()
        for told in _told(stream):
            if "url" in told:
                reporter.tracking_url(told["url"])
            elif "percent" in told:
                reporter.progress(told["percent"])
            elif "failed" in told:
                kind = JobThrew if told["threw"] else JobFailed
                raise kind(f"{what}: {told['failed'].rstrip('.')}. The whole traceback: {log_file()}")
            elif "done" in told:
                reporter.progress(100)
                return
    # It may be for want of memory.
    raise JobThrew(f"{what}: the Spark driver ended before the job did. Look at {log_file()} and run it again.")


def prewarm() -> None:
    """Start this run's driver, so that it warms up while other work is done."""
    _connect(run_folder()).close()


def stop_driver(folder: Path) -> None:
    """End the driver of a run, and what it is running; nothing if there is none."""
    with contextlib.suppress(FileNotFoundError, ConnectionError), _open_socket(folder) as connection:
        connection.sendall(b'{"stop": true}\n')
        # The driver closes the connection when it takes no more jobs.
        connection.recv(1)


def run_folder() -> Path:
    """Return the folder of the run that this process is part of, or of a run that is this process alone."""
    named = os.environ.get(RUN_FOLDER)
    started = round(psutil.Process().create_time())
    folder = Path(named) if named else runtime_folder() / f"run-{os.getpid()}-{started}"
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder


def log_file() -> Path:
    """Return the file that takes what Spark says."""
    return Path(config.log().file).with_name("spark.log")


def spark_settings() -> dict[str, str]:
    """Return what luigi.cfg says of Spark, in Spark's words."""
    jobs = config.jobs()
    settings = {
        "spark.master": jobs.master,
        "spark.driver.memory": jobs.driver_memory,
        "spark.driver.extraJavaOptions": java_options(),
        "spark.ui.port": str(jobs.ui_port),
    }
    if is_standalone(jobs.master):
        settings |= {
            "spark.executor.memory": jobs.executor_memory,
            "spark.cores.max": str(jobs.cores or ""),
            WAIT_SETTING: str(jobs.wait_seconds),
        }
    return {name: value for name, value in settings.items() if value}


def _told(stream: Iterator[bytes]) -> Iterator[dict]:
    with contextlib.suppress(ConnectionError):
        yield from map(json.loads, stream)


def _connect(folder: Path) -> socket.socket:
    """Return a connection to a run's driver, started if there is none."""
    with contextlib.suppress(FileNotFoundError, ConnectionError):
        return _open_socket(folder)
    with file_lock(folder / "driver.lock"):
        with contextlib.suppress(FileNotFoundError, ConnectionError):
            return _open_socket(folder)
        _start_driver(folder)
        return _open_socket(folder)


def _open_socket(folder: Path) -> socket.socket:
    connection = socket.socket(socket.AF_UNIX)
    try:
        connection.connect(str(folder / SOCKET))
    except OSError:
        connection.close()
        raise
    return connection


def _start_driver(folder: Path) -> None:
    """Start a driver, which listens when this returns, and has left this process and its terminal."""
    log_file().parent.mkdir(parents=True, exist_ok=True)
    run_process = folder.name.split("-")[1]
    # The settings go along, since the driver would take a third of a second to read them.
    given = [str(folder / SOCKET), run_process, json.dumps(spark_settings())]
    command = [sys.executable, "-m", "pipeline.core.spark.driver", *given]
    with log_file().open("ab") as output:
        ended = subprocess.run(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True, check=False
        )
    if ended.returncode:
        raise JobFailed(f"The Spark driver did not start. Look at {log_file()}.")
