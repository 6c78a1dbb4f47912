"""What every store can do. Paths are relative to the store's root, with "/"."""

from __future__ import annotations

import io
import shutil
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO, ClassVar

from pipeline.core import markers
from pipeline.core.errors import SourceUnavailable

BUFFER_BYTES = 1 << 20
# How many of what stays an error names.
NAMED = 5
# What starts with it is being written or is a lock, and is never listed.
HIDDEN = "."


def is_hidden(name: str) -> bool:
    """Say whether a file or folder of a name is not listed: all that start with a dot, but for a marker of no name."""
    return name.startswith(HIDDEN) and name != markers.SUFFIX


@dataclass(frozen=True)
class Found:
    """What was read, and its version: what a later replace says it saw."""

    data: bytes
    version: str


@dataclass(frozen=True)
class Listed:
    """A path in the store, its size, when it was written, and what tells it from another of that size and second."""

    path: str
    bytes: int
    modified: datetime
    version: str


@dataclass(frozen=True)
class Upload:
    """What a file left that was begun and not closed yet: perhaps never, since its process is gone."""

    path: str
    id: str
    started: datetime


class Store(ABC):
    """Files under one root; raises SourceUnavailable when the store does not answer."""

    checksum_kind: ClassVar[str]

    @abstractmethod
    def url(self, path: str) -> str:
        """Return where a path lies for other programs: an absolute path, or s3://..."""

    def local_path(self, path: str) -> Path | None:
        """Return where a path lies on this machine, or None if it has to be copied to be there."""
        return None

    @abstractmethod
    def read(self, path: str) -> Found | None:
        """Return what a path holds now, or None when there is nothing."""

    @abstractmethod
    def create(self, path: str, data: bytes) -> bool:
        """Put data where nothing is, and say whether that was so.

        False, and SourceUnavailable too, may follow a put that did arrive and whose reply was lost.
        """

    @abstractmethod
    def replace(self, path: str, data: bytes, version: str) -> bool:
        """Put data over one version, and say whether it was still there; a lost reply as with create."""

    @abstractmethod
    def list(self, folder: str) -> Iterator[Listed]:
        """Yield everything below a folder, however deep, by one paged listing; what shares a folder comes together."""

    @abstractmethod
    def checksum(self, listed: Listed) -> str:
        """Return what tells the bytes of a file from others, after its kind, such as `crc32:`.

        No request is made for it: a local file is read, and of an object its store has said it in the listing.
        Raises SourceUnavailable if the file cannot be read.
        """

    @abstractmethod
    def delete(self, paths: Iterable[str]) -> None:
        """Make the paths be gone. Raises SourceUnavailable naming the first that could not be deleted."""

    @abstractmethod
    def clear(self, folders: Iterable[str]) -> None:
        """Make folders that nobody writes to be gone, with what is hidden in them. Raises as delete does.

        Ended in the middle, it leaves of a folder no file, or one that is listed.
        """

    @abstractmethod
    def uploads(self) -> Iterator[Upload]:
        """Yield what is not listed because it was never closed; what is being written right now is among it."""

    @abstractmethod
    def abort(self, uploads: Iterable[Upload]) -> None:
        """Make uploads be gone, or finished. Raises SourceUnavailable naming the first that stay."""

    @abstractmethod
    def open(self, path: str, mode: str) -> BinaryIO:
        """Return a file open for "rb" or "wb"; what is written appears when closed, and not after an error."""

    @contextmanager
    def written(self, path: str, scratch: Path) -> Iterator[Path]:
        """Yield where another program is to write a file, which appears at a path after the block, if that ends well.

        That is in an empty scratch folder, unless the store has a place that is nearer.
        """
        place = scratch / Path(path).name
        yield place
        self.put_file(place, path)

    def put_file(self, file: Path, path: str) -> None:
        """Copy a file of this machine to a path, where it appears whole."""
        with file.open("rb") as source, self.open(path, "wb") as target:
            shutil.copyfileobj(source, target, BUFFER_BYTES)

    @abstractmethod
    def upload(self, folder: Path, path: str) -> None:
        """Copy what a local folder holds, except hidden files, below a path."""

    @abstractmethod
    def download(self, path: str, folder: Path) -> None:
        """Copy everything below a path to a local folder."""

    @abstractmethod
    def sync(self, paths: Iterable[str]) -> None:
        """Return when the files at the paths would survive a loss of power."""


def refuse_kept(done: str, kept: Sequence[str]) -> None:
    """Raise SourceUnavailable with the number of what could not be deleted or aborted, and the first of it."""
    if kept:
        first = f", the first {NAMED}" if len(kept) > NAMED else ""
        raise SourceUnavailable(f"{len(kept):,} could not be {done}{first}: {', '.join(kept[:NAMED])}")


class NewFile(io.BufferedIOBase):
    """A file that appears when it is closed, and never once a write failed or its block ended with an error."""

    # What is written to; None while the file could not be begun.
    _file: Any = None

    @abstractmethod
    def put(self, data) -> int:
        """Add to what will be kept."""

    @abstractmethod
    def keep(self) -> None:
        """Make the file appear."""

    @abstractmethod
    def drop(self) -> None:
        """Leave nothing of the file."""

    def writable(self) -> bool:
        return True

    def write(self, data) -> int:
        try:
            return self.put(data)
        except SourceUnavailable:
            self.discard()
            raise

    def close(self) -> None:
        if not self.closed:
            super().close()
            try:
                self.keep()
            except BaseException:
                self.drop()
                raise

    def discard(self) -> None:
        if not self.closed:
            super().close()
            self.drop()

    def __exit__(self, kind, error, trace) -> None:
        self.close() if kind is None else self.discard()

    def __del__(self) -> None:
        if self._file is not None:
            self.discard()
