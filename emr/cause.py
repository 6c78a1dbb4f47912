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
    found = Cause("", logs.url(folder))
    while True:
        said = _text(logs, f"{folder}/stderr.gz")
        found = _of_applications(logs, cluster_id, said) or found
        if found.reason or (said is not None and not APPLICATION.search(said)):
            break
        if time.monotonic() >= ends_at:
            break
        time.sleep(min(LOOK_SECONDS, max(0.0, ends_at - time.monotonic())))
    return found if found.reason else _of_step(logs, folder, said) or found


def _of_applications(logs: Logs, cluster_id: str, said: str | None) -> Cause | None:
    """Return what the drivers of the applications that a step began tell, the last one first."""
    applications = dict.fromkeys(APPLICATION.findall(said or ""))
    for application in reversed(list(applications)):
        folder = f"{cluster_id}/containers/{application}"
        paths = sorted((one.path for one in logs.list(folder) if DRIVER.search(one.path)), key=_order)
        texts = {path: _text(logs, path) or "" for path in paths}
        for path, text in texts.items():
            thrown = deepest(text)
            if thrown:
                return Cause(str(thrown), logs.url(path))
        for path, text in texts.items():
            if "stdout" in path and text.strip():
                return Cause(text.strip().splitlines()[-1][:SAID_LAST], logs.url(path))
    return None


def _order(path: str) -> tuple[bool, list[int]]:
    """Return what puts stdout before stderr, and the last attempt of an application before the others."""
    return "stderr" in path, [-int(number) for number in re.findall(r"\d+", path)]


def _of_step(logs: Logs, folder: str, said: str | None) -> Cause | None:
    """Return what the step's own process tells."""
    for name in ("stderr.gz", "syslog.gz", "controller.gz"):
        path = f"{folder}/{name}"
        text = said if name == "stderr.gz" else _text(logs, path)
        thrown = deepest(text or "")
        if thrown:
            return Cause(str(thrown), logs.url(path))
    last = (said or "").strip().splitlines()[-1:]
    return Cause(last[0][:SAID_LAST], logs.url(f"{folder}/stderr.gz")) if last else None


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
