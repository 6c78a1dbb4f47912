"""Says why a step failed, from the logs that EMR copies to S3: its own, and those of the YARN containers it began."""

from __future__ import annotations

import gzip
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
# YARN's client says so of a driver that ran in a container of its own.
ELSEWHERE = "finished with failed status"
# Where a job's own words are, if it threw nothing: `error: unrecognized arguments`, and sys.exit(text).
SAID_LAST = 300
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
        # A driver that ran in the step itself gives what Python says to the step's stdout.
        found = thrown(logs, f"{folder}/stdout.gz") or _of_applications(logs, cluster_id, said)
        # Files of one step come one after the other.
        has_both = before is not None or logs.read(f"{folder}/stdout.gz") is not None
        is_all = said is not None and has_both and ELSEWHERE not in said
        left_seconds = ends_at - time.monotonic()
        if found or is_all or left_seconds <= 0:
            return found or _of_step(logs, folder, said) or Cause("", logs.url(folder))
        time.sleep(min(LOOK_SECONDS, left_seconds))


def _of_applications(logs: Logs, cluster_id: str, said: str | None) -> Cause | None:
    """Return what the drivers of the applications that a step began tell, the last one first."""
    applications = dict.fromkeys(APPLICATION.findall(said or ""))
    for application in reversed(list(applications)):
        folder = f"{cluster_id}/containers/{application}"
        paths = sorted((one.path for one in logs.list(folder) if DRIVER.search(one.path)), key=_order)
        found = [thrown(logs, path) for path in paths] + [last_line(logs, path) for path in paths if "stdout" in path]
        for cause in found:
            if cause:
                return cause
    return None


def _order(path: str) -> tuple[bool, list[int]]:
    """Return what puts stdout before stderr, and the last attempt of an application before the others."""
    return "stderr" in path, [-int(number) for number in re.findall(r"\d+", path)]


def _of_step(logs: Logs, folder: str, said: str | None) -> Cause | None:
    """Return what the step's own process tells."""
    for name in ("stderr.gz", "syslog.gz", "controller.gz"):
        found = thrown(logs, f"{folder}/{name}")
        if found:
            return found
    return last_line(logs, f"{folder}/stderr.gz") if said else None


def thrown(logs: Logs, path: str) -> Cause | None:
    """Return the deepest exception that a log tells of."""
    found = deepest(_text(logs, path) or "")
    return Cause(str(found), logs.url(path)) if found else None


def last_line(logs: Logs, path: str) -> Cause | None:
    """Return the last line of a log."""
    lines = (_text(logs, path) or "").strip().splitlines()
    return Cause(lines[-1][:SAID_LAST], logs.url(path)) if lines else None


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
