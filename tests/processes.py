"""The processes of a run, as the machine sees them."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import psutil

from pipeline.core.spark import client


def drivers_of(pid: int) -> list[psutil.Process]:
    """Return the Spark drivers of the run whose process this is."""
    return [one for one in psutil.process_iter(["cmdline"]) if _is_driver_of(one.info["cmdline"] or [], pid)]


def drivers_at(folder: Path) -> list[psutil.Process]:
    """Return the Spark drivers of the run that has this folder."""
    socket = str(folder / client.SOCKET)
    return [one for one in psutil.process_iter(["cmdline"]) if socket in (one.info["cmdline"] or ())]


def drivers_with_a_jvm(pid: int) -> list[psutil.Process]:
    """Return those of them that have started Spark."""
    return [one for one in drivers_of(pid) if _has_jvm(one)]


def wait_until(is_so: Callable[[], object], seconds: float = 30) -> None:
    """Wait until something is so. Fails the test if it does not become so."""
    ends = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < ends, "it did not become so"
        time.sleep(0.05)


def wait_for_spark(pid: int) -> list[psutil.Process]:
    """Return the processes of a run once its Spark driver has a JVM."""
    wait_until(lambda: drivers_with_a_jvm(pid), 60)
    drivers = drivers_with_a_jvm(pid)
    below = [child for driver in drivers for child in driver.children(recursive=True)]
    return drivers + below + psutil.Process(pid).children(recursive=True)


def _is_driver_of(command: list[str], pid: int) -> bool:
    return "pipeline.core.spark.driver" in command and f"/run-{pid}-" in " ".join(command)


def _has_jvm(process: psutil.Process) -> bool:
    # The process that starts a driver has the driver's own command line, and ends at once.
    try:
        return any("java" in child.name() for child in process.children())
    except psutil.NoSuchProcess:
        return False
