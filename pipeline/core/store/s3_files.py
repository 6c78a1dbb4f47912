"""Objects of S3 as files."""

from __future__ import annotations

import io
from contextlib import AbstractContextManager, suppress
from typing import Any, Protocol

from s3fs.utils import FileExpired

from pipeline.core.errors import SourceUnavailable
from pipeline.core.store.base import NewFile
from pipeline.core.store.s3_connection import Connection
from pipeline.core.store.s3_errors import FAILURES


class Answering(Protocol):
    """What says of a failure which place it was about."""

    def __call__(self) -> AbstractContextManager[None]: ...


class NewObject(NewFile):
    """An object that is sent in parts while it is written, and appears when it is closed."""

    def __init__(self, fs: Connection, place: str, answering: Answering):
        self._answering = answering
        with answering():
            self._file = fs.open(place, "wb")

    def put(self, data) -> int:
        with self._answering():
            return self._file.write(data)

    def keep(self) -> None:
        with self._answering():
            self._file.close()

    def drop(self) -> None:
        # Else it would try to put what was discarded when it is collected, and complain.
        self._file.closed = True
        with suppress(*FAILURES):
            self._file.discard()


class StoredObject(io.RawIOBase):
    """An object as it was when it was opened; a read fails once it is another."""

    def __init__(self, fs: Connection, place: str, answering: Answering):
        self._place, self._answering = place, answering
        with answering():
            self._file = fs.open(place, "rb")

    @property
    def size(self) -> int:
        return self._file.size

    @property
    def version(self) -> str:
        return self._file.details["ETag"].strip('"')

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        with self._answering():
            try:
                return self._file.readinto(buffer)
            except FileExpired as error:
                raise SourceUnavailable(
                    f"s3://{self._place} was replaced while it was read. Wait until it is written, and run again."
                ) from error

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()

    def close(self) -> None:
        if not self.closed:
            self._file.close()
        super().close()
