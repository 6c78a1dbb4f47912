"""What the embedded servers share: a lock between processes, and looking at a process by its number."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil


@contextmanager
def file_lock(path: Path) -> Iterator[None]:
    """Hold the lock of a file for as long as the process lives, at most.

    The file stays: if it were removed, two processes could hold two files of one name.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def living(pid: int) -> psutil.Process | None:
    """Return a process that is still doing something, or None."""
    try:
        process = psutil.Process(pid)
        return None if process.status() == psutil.STATUS_ZOMBIE else process
    except psutil.Error:
        return None


def works_in(process: psutil.Process, folder: Path) -> bool:
    """Say whether a process has a folder as its working folder, as a PostgreSQL server has its data."""
    try:
        return Path(process.cwd()) == folder
    except psutil.Error:
        return False
