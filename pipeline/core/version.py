"""Which code made a partition."""

from __future__ import annotations

import hashlib
from functools import cache
from importlib.metadata import version
from importlib.resources import files
from typing import Any

PACKAGES = ("emr", "pipeline", "spark_jobs", "sql")


@cache
def code_version() -> str:
    """Return the release and a hash of every source file, such as `0.1.0+1f3a5c7e9b2d`."""
    digest = hashlib.sha256()
    for package in PACKAGES:
        _add(digest, files(package))
    return f"{version('lakeshift')}+{digest.hexdigest()[:12]}"


def _add(digest: Any, place: Any) -> None:
    for entry in sorted(place.iterdir(), key=lambda entry: entry.name):
        if entry.is_dir():
            _add(digest, entry)
        elif entry.name.endswith((".py", ".sql", ".json", ".sh")):
            digest.update(entry.name.encode() + b"\0" + entry.read_bytes())
