"""Files that somebody else drops, on this machine or in S3, as they are read."""

from __future__ import annotations

import hashlib
import io
import os
import re
from abc import ABC, abstractmethod
from datetime import datetime, timezone
from functools import cache
from typing import Any

from pipeline.core.errors import SettingError, SourceUnavailable
from pipeline.core.store import open_store

READ_BYTES = 1 << 20


class Feed(ABC):
    """A dropped file that is open for reading. Used with `with`."""

    def __init__(self, path: str, stream: Any):
        self.path, self.stream = path, stream

    def __enter__(self) -> Feed:
        return self

    def __exit__(self, *error: object) -> None:
        self.stream.close()

    @abstractmethod
    def check_unchanged(self, count: int) -> None:
        """Raise SourceUnavailable if the bytes that were read, so many, are not all of one file."""

    @abstractmethod
    def fingerprint(self) -> dict[str, Any]:
        """Return what tells this state of the file from another without reading it."""

    def changed_while_copied(self) -> SourceUnavailable:
        """Return the error to raise when the bytes are not all of one file."""
        return SourceUnavailable(f"{self.path} changed while it was copied. Wait until it is written, and run again.")


def open_feed(path: str, setting: str) -> Feed:
    """Return the feed at a path or at s3://bucket/key. Raises SourceUnavailable when it is not there.

    setting is what names it in luigi.cfg, such as "[user_behaviour] review_feed".
    """
    return _StoredFeed(path, setting) if is_stored(path, setting) else _LocalFeed(path, setting)


@cache
def sha256_of(path: str, setting: str, seen: tuple[tuple[str, str | int], ...]) -> str:
    """Return the hash of a feed's bytes, reading it once for each state of it that was seen.

    Raises SourceUnavailable if it changes while it is read.
    """
    digest, count = hashlib.sha256(), 0
    with open_feed(path, setting) as feed:
        while data := feed.stream.read(READ_BYTES):
            digest.update(data)
            count += len(data)
        feed.check_unchanged(count)
    return digest.hexdigest()


def is_stored(path: str, setting: str) -> bool:
    """Say whether a feed lies in S3, and not on this machine. Raises SettingError if it can lie in neither."""
    is_object = re.fullmatch(r"s3://[^/]+/.*[^/]", path) is not None
    if "://" in path and not is_object:
        raise SettingError(f"{setting} = {path}: expected a file of this machine, or s3://bucket/key")
    return is_object


class _LocalFeed(Feed):
    def __init__(self, path: str, setting: str):
        try:
            super().__init__(path, io.FileIO(path))
        except OSError as error:
            raise SourceUnavailable(
                f"{path} cannot be read: {error.strerror}. Put it there, or look at {setting}."
            ) from error
        self._before = os.fstat(self.stream.fileno())

    def check_unchanged(self, count: int) -> None:
        before, after = self._before, os.fstat(self.stream.fileno())
        if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
            raise self.changed_while_copied()

    def fingerprint(self) -> dict[str, Any]:
        changed_at = datetime.fromtimestamp(self._before.st_mtime, timezone.utc).isoformat()
        # What is put back by a copy that keeps times, or a touch, has another ctime, which nobody can set.
        return {"bytes": self._before.st_size, "mtime": changed_at, "ctime_ns": self._before.st_ctime_ns}


class _StoredFeed(Feed):
    def __init__(self, path: str, setting: str):
        folder, _, name = path.rpartition("/")
        try:
            super().__init__(path, open_store(folder, setting).open(name, "rb"))
        except SourceUnavailable as error:
            text = str(error)
            raise SourceUnavailable(text if path in text else f"{path} cannot be read: {text}") from error

    def check_unchanged(self, count: int) -> None:
        # The store gives one version or none, so what could differ is how much of it came.
        if count != self.stream.size:
            raise self.changed_while_copied()

    def fingerprint(self) -> dict[str, Any]:
        return {"bytes": self.stream.size, "etag": self.stream.version}
