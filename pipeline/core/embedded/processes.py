"""What the embedded servers share: looking at a process by its number."""

from __future__ import annotations

from pathlib import Path

import psutil


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
