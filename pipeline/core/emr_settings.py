"""How the settings are read that only a cluster of EMR has."""

from __future__ import annotations

import re
from pathlib import Path

# What EMR takes.
SHORTEST_IDLE_SECONDS, LONGEST_IDLE_SECONDS = 60, 604_800


def as_release(value: str, folder: Path) -> str:
    return _fitting(r"emr-\d+\.\d+\.\d+", value)


def as_pool(value: str, folder: Path) -> str:
    return _fitting(r"[A-Za-z0-9-]*", value)


def as_subnets(value: str, folder: Path) -> str:
    return _fitting(r"(subnet-[0-9a-f]+(,\s*subnet-[0-9a-f]+)*)?", value)


def as_security_group(value: str, folder: Path) -> str:
    return _fitting(r"(sg-[0-9a-f]+)?", value)


def as_idle_seconds(value: str, folder: Path) -> int:
    seconds = int(value)
    if not SHORTEST_IDLE_SECONDS <= seconds <= LONGEST_IDLE_SECONDS:
        raise ValueError
    return seconds


def as_file(value: str, folder: Path) -> str:
    """Return a file that is there, or nothing."""
    path = folder / Path(value).expanduser()
    if value and not path.is_file():
        raise ValueError
    return str(path) if value else ""


def _fitting(pattern: str, value: str) -> str:
    if not re.fullmatch(pattern, value, re.ASCII):
        raise ValueError
    return value
