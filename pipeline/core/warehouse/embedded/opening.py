"""Opens the file of the embedded warehouse: shortly, one process at a time, the others waiting their turn."""

from __future__ import annotations

import fcntl
import logging
import os
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from pipeline.core.errors import PipelineError, SourceUnavailable

log = logging.getLogger(__name__)

POLL_SECONDS = 0.02
SPEAK_SECONDS = 3.0
SETTINGS: dict[str, str | bool | int | float | list[str]] = {
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
}

# Per process and thread: whoever opens a file twice would wait for itself.
_open = threading.local()


@contextmanager
def opened(path: Path, wait_seconds: float) -> Iterator[duckdb.DuckDBPyConnection]:
    """Yield a connection to a DuckDB file that nobody else has open.

    Raises SourceUnavailable, naming the process, if another one still has it after the wait.
    """
    deadline = time.monotonic() + wait_seconds
    with _turn(path, deadline):
        connection = _connect(path, deadline)
        try:
            # As Redshift: instants are UTC, and whole numbers divide to whole numbers.
            connection.execute("SET TimeZone = 'UTC'; SET integer_division = true")
            yield connection
        finally:
            connection.close()


@contextmanager
def _turn(path: Path, deadline: float) -> Iterator[None]:
    """Hold the lock file beside a DuckDB file."""
    mine = (os.getpid(), str(path))
    held: set = _open.__dict__.setdefault("held", set())
    if mine in held:
        raise PipelineError(f"{path} is open in this thread already: use the cursor of that transaction.")
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.with_name(f"{path.name}.lock").open("a+") as lock:
        _wait_for(lock, path, deadline)
        held.add(mine)
        try:
            lock.truncate(0)
            lock.write(str(os.getpid()))
            lock.flush()
            yield
        finally:
            held.discard(mine)
            # A child that was forked meanwhile holds the same lock, and closing does not release it.
            fcntl.flock(lock, fcntl.LOCK_UN)


class _Patience:
    """Says once, after a while, what is waited for."""

    def __init__(self, path: Path, deadline: float) -> None:
        self.path, self.deadline = path, deadline
        self.speak_at = time.monotonic() + SPEAK_SECONDS

    def speak(self, pid: str) -> None:
        now = time.monotonic()
        if now > self.speak_at:
            self.speak_at = self.deadline + SPEAK_SECONDS
            log.warning("Process %s has %s open; waiting for it, %d s at most.", pid, self.path, self.deadline - now)


def _wait_for(lock, path: Path, deadline: float) -> None:
    patience = _Patience(path, deadline)
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            lock.seek(0)
            holder = lock.read().strip() or "unknown"
            if time.monotonic() > deadline:
                raise _busy(path, holder) from None
            patience.speak(holder)
        time.sleep(POLL_SECONDS)


def _connect(path: Path, deadline: float) -> duckdb.DuckDBPyConnection:
    patience = _Patience(path, deadline)
    while True:
        try:
            return duckdb.connect(str(path), config=SETTINGS)
        except duckdb.Error as error:
            holder = re.search(r"PID (\d+)", str(error))
            if holder is None:
                raise SourceUnavailable(f"The warehouse {path} cannot be opened: {error}") from error
            if time.monotonic() > deadline:
                raise _busy(path, holder[1]) from error
            patience.speak(holder[1])
        time.sleep(POLL_SECONDS)


def _busy(path: Path, pid: str) -> SourceUnavailable:
    return SourceUnavailable(
        f"The warehouse {path} is open in another process, PID {pid}. Close it there, or wait longer"
        " ([warehouse] wait_seconds), and run it again."
    )
