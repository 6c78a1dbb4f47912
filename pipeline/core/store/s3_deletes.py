"""Objects of S3 are deleted, a thousand by one request."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

from pipeline.core.store.s3_connection import Connection

AT_ONCE = 1000
# Of a key, S3 says so within a reply that is in order, so that nothing below sends it again.
BUSY = ("SlowDown", "InternalError", "ServiceUnavailable")
BUSY_WAIT_SECONDS = (0.5, 1, 2, 4)


def delete_keys(fs: Connection, bucket: str, keys: Iterable[str]) -> Iterator[dict[str, Any]]:
    """Delete objects, and yield the Key and the Code of each that stays."""
    waiting = iter(keys)
    while some := list(islice(waiting, AT_ONCE)):
        for wait_seconds in BUSY_WAIT_SECONDS:
            errors = _refused(fs, bucket, some)
            yield from (error for error in errors if error["Code"] not in BUSY)
            some = [error["Key"] for error in errors if error["Code"] in BUSY]
            if not some:
                break
            time.sleep(wait_seconds)
        else:
            yield from _refused(fs, bucket, some)


def _refused(fs: Connection, bucket: str, keys: list[str]) -> list[dict[str, Any]]:
    objects = [{"Key": key} for key in keys]
    return fs.call_s3("delete_objects", Bucket=bucket, Delete={"Objects": objects, "Quiet": True}).get("Errors", [])
