"""Says why a step failed, from the logs that EMR copies to S3: its own, and those of the YARN containers it began."""

from __future__ import annotations

import gzip
import heapq
import re
import time
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from emr.traces import deepest

APPLICATION = re.compile(r"\bapplication_\d+_\d+\b")
# Spark's driver is in the first container of an application; it gives what Python says, errors too, to stdout.
DRIVER = re.compile(r"container_(?:e\d+_)?\d+_\d+_\d+_000001/(stdout|stderr)(?:\.gz)?$")
# What tasks of MapReduce threw, such as s3-dist-cp's, is in their own containers, of which there may be many.
CONTAINER = re.compile(r"container_(?:e\d+_)?\d+_\d+_\d+_\d+/(?:syslog|stderr)(?:\.gz)?$")
OF_TASKS = re.compile(r"Error running job|task failed to copy")
TASK_LOGS = 20
# YARN's client says so of a driver that ran in a container of its own.
ELSEWHERE = "finished with failed status"
# Where a job's own words are, if it threw nothing: `error: unrecognized arguments`, and sys.exit(text).
SAID_LAST = 300
# What is logged goes on after that, to the end.
LOGGED = re.compile(r"(?:[\d/:.,TZ-]+ ){0,2}(?:log4j:)?(?:TRACE|DEBUG|INFO|WARN)\b")
LOOK_SECONDS = 10.0
# EMR copies logs every five minutes.
ARRIVAL_SECONDS = 360.0
UNZIPPED_BYTES = 32 << 20


class Found(Protocol):
    """What was read."""

    @property
    def data(self) -> bytes: ...


class Listed(Protocol):
    """A path that exists."""

    @property
    def path(self) -> str: ...


class Logs(Protocol):
    """What lies below a cluster's log URI."""

    def read(self, path: str) -> Found | None: ...
    def list(self, folder: str) -> Iterator[Listed]: ...
    def url(self, path: str) -> str: ...


@dataclass(frozen=True)
class Cause:
    """Why a step failed, and the log that says so; without a reason, where it is to be looked for."""

    reason: str
    log: str


def probable_cause(logs: Logs, cluster_id: str, step_id: str, wait_seconds: float = ARRIVAL_SECONDS) -> Cause:
    """Return why a step failed, once its logs have come; they have so long to do so."""
    ends_at = time.monotonic() + wait_seconds
    folder = f"{cluster_id}/steps/{step_id}"
    said: str | None = None
    while True:
        before, said = said, _text(logs, f"{folder}/stderr.gz")
        own = _of_step(logs, folder)
        is_of_tasks = own is not None and OF_TASKS.search(own.reason) is not None
        began = [f"{cluster_id}/containers/{name}" for name in _applications(logs, folder, said)]
        found = _of_driver(logs, folder, began) or (_of_tasks(logs, began[:1]) if is_of_tasks else None)
        # Files of one step come one after the other.
        has_both = before is not None or logs.read(f"{folder}/stdout.gz") is not None
        is_all = said is not None and has_both and ELSEWHERE not in said and not is_of_tasks
        left_seconds = ends_at - time.monotonic()
        if found or is_all or left_seconds <= 0:
            return found or own or Cause("", logs.url(folder))
        time.sleep(min(LOOK_SECONDS, left_seconds))


def _of_driver(logs: Logs, folder: str, applications: list[str]) -> Cause | None:
    """Return what the drivers of a step tell, those of the first of its applications first."""
    # One that ran in the step itself gives what Python says to the step's stdout.
    found = thrown(logs, f"{folder}/stdout.gz")
    for application in () if found else applications:
        paths = sorted((path for path in _listed(logs, application) if DRIVER.search(path)), key=_order)
        told = [thrown(logs, path) for path in paths] + [last_line(logs, path) for path in paths if "stdout" in path]
        for cause in told:
            if cause:
                return cause
    return found


def _of_tasks(logs: Logs, applications: list[str]) -> Cause | None:
    """Return what the containers of applications tell, the newest first."""
    for application in applications:
        paths = (path for path in _listed(logs, application) if CONTAINER.search(path))
        for path in heapq.nsmallest(TASK_LOGS, paths, key=_newest):
            found = thrown(logs, path)
            if found:
                return found
    return None


def _applications(logs: Logs, folder: str, said: str | None) -> list[str]:
    """Return the applications that a step began, the last one first; what s3-dist-cp logs may be in its syslog."""
    logged = [said or "", _text(logs, f"{folder}/syslog.gz") or ""]
    return list(reversed(dict.fromkeys(APPLICATION.findall("\n".join(logged)))))


def _listed(logs: Logs, folder: str) -> Iterator[str]:
    return (one.path for one in logs.list(folder))


def _order(path: str) -> tuple[bool, list[int]]:
    """Return what puts stdout before stderr, and the last attempt of an application before the others."""
    return "stderr" in path, [-int(number) for number in re.findall(r"\d+", path)]


def _newest(path: str) -> tuple[list[int], bool]:
    return [-int(number) for number in re.findall(r"\d+", path)], "stderr" in path


def _of_step(logs: Logs, folder: str) -> Cause | None:
    """Return what the step's own process tells."""
    for read, names in ((thrown, ("stderr", "syslog", "controller")), (last_line, ("stdout", "stderr"))):
        for name in names:
            found = read(logs, f"{folder}/{name}.gz")
            if found:
                return found
    return None


def thrown(logs: Logs, path: str) -> Cause | None:
    """Return the deepest exception that a log tells of."""
    found = deepest(_text(logs, path) or "")
    return Cause(str(found), logs.url(path)) if found else None


def last_line(logs: Logs, path: str) -> Cause | None:
    """Return the last line of a log that is not there when all is well, too."""
    lines = [line for line in (_text(logs, path) or "").splitlines() if line.strip() and not LOGGED.match(line)]
    last = lines[-1].strip() if lines else ""
    if len(last) > SAID_LAST:
        last = f"{last[:SAID_LAST].rpartition(' ')[0]} ..."
    return Cause(last, logs.url(path)) if last else None


def _text(logs: Logs, path: str) -> str | None:
    """Return the end of a log, as much as may be kept, or None when it has not come."""
    found = logs.read(path)
    if found is None:
        return None
    try:
        data = gzip.decompress(found.data) if path.endswith(".gz") else found.data
    except (OSError, EOFError, zlib.error):
        data = found.data
    return data[-UNZIPPED_BYTES:].decode(errors="replace")
