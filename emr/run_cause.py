"""Says why a job run of EMR Serverless failed, from its driver's logs, copied to S3 while it runs, and once more."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import datetime
from typing import Protocol

from emr.cause import Cause, Logs, last_line, thrown

# EMR Serverless copies what a driver has said so far as often, and says nothing of the last time.
COPIED_SECONDS = 15.0
LOOK_SECONDS = 2.0
# The second has what Python says, the first what Spark does.
STDERR, STDOUT = "stderr.gz", "stdout.gz"


class Written(Protocol):
    """A path that exists, and when it was written."""

    @property
    def path(self) -> str: ...
    @property
    def modified(self) -> datetime: ...


class DatedLogs(Logs, Protocol):
    """What lies below a log URI, with its times."""

    def list(self, folder: str) -> Iterator[Written]: ...


def cause_of_run(logs: DatedLogs, folder: str, ended_at: datetime, wait_seconds: float) -> Cause:
    """Return why a job run failed, once its driver's logs were copied a last time; they have so long to come."""
    began = time.monotonic()
    while True:
        waited_seconds = time.monotonic() - began
        written = {one.path.rpartition("/")[2]: one.modified for one in logs.list(folder)}
        late = [name for name in (STDERR, STDOUT) if name in written and written[name] >= ended_at]
        # One that stays as it is may not be copied again.
        is_whole = len(late) == 2 or (bool(written) and waited_seconds >= 2 * COPIED_SECONDS)
        if is_whole or waited_seconds >= wait_seconds:
            return _told(logs, folder) or Cause("", logs.url(folder))
        time.sleep(min(LOOK_SECONDS, max(wait_seconds - waited_seconds, 0)))


def _told(logs: Logs, folder: str) -> Cause | None:
    files = [f"{folder}/{name}" for name in (STDOUT, STDERR)]
    for read in (thrown, last_line):
        for file in files:
            found = read(logs, file)
            if found:
                return found
    return None
