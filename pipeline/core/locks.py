"""A lock between processes."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def file_lock(path: Path) -> Iterator[None]:
    """Hold the lock of a file, for as long as the process lives at most.

    The file stays: were it removed, two processes could each hold one of that name.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        try:
            yield
        finally:
            # By name, since a child forked meanwhile has the open file too and would keep the lock.
            fcntl.flock(file, fcntl.LOCK_UN)
