"""Objects of S3 that nobody changes, for a reader that asks again and again what they are like."""

from __future__ import annotations

from datetime import datetime
from functools import cache
from typing import Any

from fsspec import AbstractFileSystem
from s3fs import S3File

from pipeline.core.store.s3_connection import Connection


class Unchanging(AbstractFileSystem):
    """A file system that asks S3 once what a file is like, and then reads that version or none."""

    protocol = "s3"
    # What is remembered is of no use to whoever registers another.
    cachable = False

    def __init__(self, fs: Connection):
        super().__init__()
        self._fs = fs
        self._known = cache(fs.info)

    def info(self, path: str, **_: Any) -> dict[str, Any]:
        return self._known(self._fs._strip_protocol(path))

    def glob(self, path: str, maxdepth: int | None = None, **_: Any) -> list[str]:
        """Return the path: it is looked for when it is opened."""
        return [path]

    def modified(self, path: str) -> datetime:
        return self.info(path)["LastModified"]

    def _open(self, path: str, *_: Any, **__: Any) -> S3File:
        return _KnownFile(self._fs, path, self.info(path))


class _KnownFile(S3File):
    def __init__(self, fs: Connection, path: str, details: dict[str, Any]):
        # Where s3fs keeps what it would ask for.
        self._details = details
        super().__init__(fs, path, block_size=fs.default_block_size)
