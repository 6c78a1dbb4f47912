"""The driver of a job run, on this machine: emr_serverless_job.py COUNT OPTION ... ENTRY-POINT ARGUMENT ...

A script is run by Spark for real, on copies of what lies in S3, which go back when it has ended; any other entry point
is a program of this machine. COUNT is that of the options.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

import emr_commands


def main(options: list[str], entry_point: str, arguments: list[str]) -> int:
    if not entry_point.endswith(".py"):
        return subprocess.run([entry_point, *arguments], check=False).returncode
    with tempfile.TemporaryDirectory(prefix="emr-serverless-") as folder:
        root = Path(folder)
        places = {one: root / one.removeprefix("s3://") for one in arguments if one.startswith("s3://")}
        fetched = {path for location in places for path in fetch(location, root)}
        here = [f"file://{places[one]}" if one in places else one for one in arguments]
        ended = emr_commands.spark_submit([*options, entry_point, *here])
        for path in {path for path in root.rglob("*") if path.is_file()} - fetched:
            # In S3 there are no files with checksums of others.
            if path.suffix != ".crc":
                bucket, _, key = str(path.relative_to(root)).partition("/")
                emr_commands._s3().upload_file(str(path), bucket, key)
    return ended


def fetch(location: str, root: Path) -> list[Path]:
    """Return the copies of what lies below a location."""
    bucket, _, key = location.removeprefix("s3://").partition("/")
    paths = [root / bucket / key / name for name in emr_commands._names(location)]
    return [emr_commands._fetch(f"s3://{path.relative_to(root)}", path) for path in paths]


if __name__ == "__main__":
    count, *rest = sys.argv[1:]
    sys.exit(main(rest[: int(count)], rest[int(count)], rest[int(count) + 1 :]))
