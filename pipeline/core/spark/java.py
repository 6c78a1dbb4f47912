"""The Java that Spark runs on, and the archive of loaded classes with which it starts in two thirds of the time.

The archive is made once, on demand, for one Java and one Spark, and kept in the user's cache folder. A JVM that cannot
use it, because a jar has changed since for example, starts without it.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path
from shutil import which

from pipeline.core.errors import JobFailed


def java() -> Path | None:
    """Return the Java that Spark's scripts would run."""
    home = os.environ.get("JAVA_HOME")
    found = which("java", path=f"{home}/bin" if home else None)
    return Path(found).resolve() if found else None


def archive_file() -> Path:
    """Return where the archive for this Java and this Spark is kept, whether it exists or not."""
    spark = find_spec("pyspark")
    parts: list[object] = [os.environ.get("SPARK_HOME")]
    for path in (java(), spark and spark.origin):
        parts += [str(path), path and Path(path).stat().st_mtime_ns]
    key = hashlib.sha256(repr(parts).encode()).hexdigest()[:16]
    cache = os.environ.get("XDG_CACHE_HOME") or Path("~/.cache").expanduser()
    return Path(cache, "lakeshift", f"spark-{key}.jsa")


def java_options() -> str:
    """Return what a JVM is started with: the archive, if it was made."""
    path = archive_file()
    return f'-Xshare:auto "-XX:SharedArchiveFile={path}"' if path.exists() else ""


def make_archive() -> Path:
    """Make the archive, over one that is there, and return where it is; takes half a minute.

    Raises JobFailed when Java cannot make one: it has to be 13 or later.
    """
    path = archive_file()
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent, prefix="making-") as folder:
        made = Path(folder, "made.jsa")
        command = [sys.executable, "-m", "pipeline.core.spark.archive", str(made)]
        ended = subprocess.run(command, capture_output=True, text=True, check=False)
        if ended.returncode or not made.exists():
            last = (ended.stderr or ended.stdout).strip().splitlines()[-1:]
            cause = " ".join(last).removeprefix("pipeline.core.errors.JobFailed: ")
            raise JobFailed(f"{java() or 'Java'} made no archive of Spark's classes: {cause}")
        # A JVM that has mapped the old one keeps it.
        made.replace(path)
    return path
