"""A store in a local folder."""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import shutil
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime, timezone
from pathlib import Path
from typing import BinaryIO, cast

from pipeline.core.errors import SourceUnavailable
from pipeline.core.locks import file_lock
from pipeline.core.store.base import BUFFER_BYTES, HIDDEN, Found, Listed, NewFile, Store, Upload, is_hidden, refuse_kept

ASIDE = re.compile(r"\.(?P<name>.+)\.[0-9a-f]{16}")


class LocalStore(Store):
    """Files below a folder, which is made by the first write."""

    checksum_kind = "crc32"

    def __init__(self, root: str):
        self.root = Path(root).absolute()

    def url(self, path: str) -> str:
        return str(self.root / path)

    def local_path(self, path: str) -> Path:
        return self.root / path

    def read(self, path: str) -> Found | None:
        try:
            data = (self.root / path).read_bytes()
        except FileNotFoundError:
            return None
        return Found(data, _version(data))

    def create(self, path: str, data: bytes) -> bool:
        target = self.root / path
        with _written_aside(target, data) as aside:
            try:
                os.link(aside, target)
            except FileExistsError:
                return False
            _sync(target.parent)
            return True

    def replace(self, path: str, data: bytes, version: str) -> bool:
        target = self.root / path
        with _written_aside(target, data) as aside, file_lock(target.parent / ".lock"):
            found = self.read(path)
            if found is None or found.version != version:
                return False
            aside.replace(target)
            _sync(target.parent)
            return True

    def list(self, folder: str) -> Iterator[Listed]:
        return walk(self.root / folder, folder.strip("/"))

    def checksum(self, listed: Listed) -> str:
        # It is for damage, not for forgery: who can change a file can change the manifest beside it too.
        checksum, buffer = 0, memoryview(bytearray(BUFFER_BYTES))
        try:
            with (self.root / listed.path).open("rb", buffering=0) as file:
                while count := file.readinto(buffer):
                    checksum = zlib.crc32(buffer[:count], checksum)
        except OSError as error:
            raise SourceUnavailable(f"{self.url(listed.path)} could not be read: {error.strerror}.") from error
        return f"{self.checksum_kind}:{checksum:08x}"

    def uploads(self) -> Iterator[Upload]:
        for folder, _, names in os.walk(self.root):
            for found in filter(None, map(ASIDE.fullmatch, sorted(names))):
                aside = Path(folder, found[0])
                with suppress(FileNotFoundError):
                    written = datetime.fromtimestamp(aside.stat().st_mtime, timezone.utc)
                    yield Upload(str(aside.with_name(found["name"]).relative_to(self.root)), found[0], written)

    def abort(self, uploads: Iterable[Upload]) -> None:
        self.delete(str(Path(upload.path).with_name(upload.id)) for upload in uploads)

    def delete(self, paths: Iterable[str]) -> None:
        kept = []
        for path in paths:
            try:
                (self.root / path).unlink(missing_ok=True)
            except OSError as error:
                kept.append(f"{self.url(path)} ({error.strerror})")
        refuse_kept("deleted", kept)

    def clear(self, folders: Iterable[str]) -> None:
        for folder in folders:
            files = (path for path in (self.root / folder).rglob("*") if path.is_symlink() or not path.is_dir())
            # What is listed goes last, so that whoever goes on after a kill still finds the folder.
            self.delete(sorted((str(path.relative_to(self.root)) for path in files), key=_is_listed))
            shutil.rmtree(self.root / folder, ignore_errors=True)
            with suppress(OSError):
                (self.root / folder).parent.rmdir()

    def open(self, path: str, mode: str) -> BinaryIO:
        target = self.root / path
        if mode == "rb":
            return target.open("rb")
        with _writing(target):
            return cast(BinaryIO, _NewFile(target))

    @contextmanager
    def written(self, path: str, scratch: Path) -> Iterator[Path]:
        target = self.root / path
        aside = _aside(target)
        with _writing(target):
            _make_folder(target.parent)
        try:
            yield aside
            with _writing(target):
                aside.replace(target)
        finally:
            aside.unlink(missing_ok=True)

    def put_file(self, file: Path, path: str) -> None:
        # The kernel copies, in a third of the time that it takes through a buffer here.
        with self.written(path, file.parent) as place, _writing(self.root / path):
            shutil.copyfile(file, place)

    def upload(self, folder: Path, path: str) -> None:
        for listed in walk(folder):
            self.put_file(folder / listed.path, f"{path}/{listed.path}")

    def download(self, path: str, folder: Path) -> None:
        for listed in walk(self.root / path):
            target = folder / listed.path
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(self.root / path / listed.path, target)

    def sync(self, paths: Iterable[str]) -> None:
        folders: set[Path] = set()
        for path in paths:
            _sync(self.root / path)
            folders.update(parent for parent in (self.root / path).parents if parent.is_relative_to(self.root))
        for folder in folders:
            _sync(folder)


class _NewFile(NewFile):
    def __init__(self, target: Path):
        _make_folder(target.parent)
        self._target, self._aside = target, _aside(target)
        self._file = self._aside.open("xb", BUFFER_BYTES)

    def put(self, data) -> int:
        with _writing(self._target):
            return self._file.write(data)

    def keep(self) -> None:
        with _writing(self._target):
            self._file.close()
            self._aside.replace(self._target)

    def drop(self) -> None:
        self._aside.unlink(missing_ok=True)
        # Closing writes what is in the buffer, which fails again where a write failed; nobody needs it.
        with suppress(OSError):
            self._file.close()


def walk(folder: Path, prefix: str = "") -> Iterator[Listed]:
    """Yield everything below a folder that is not hidden, in the byte order of the paths, which start with prefix."""
    try:
        entries = [(entry, entry.is_dir()) for entry in os.scandir(folder) if not is_hidden(entry.name)]
    except FileNotFoundError:
        return
    # With its "/", a folder sorts where its files would.
    for entry, is_folder in sorted(entries, key=lambda pair: pair[0].name + "/" * pair[1]):
        path = f"{prefix}/{entry.name}" if prefix else entry.name
        if is_folder:
            yield from walk(Path(entry.path), path)
        else:
            with suppress(FileNotFoundError):
                found = entry.stat()
                written = datetime.fromtimestamp(found.st_mtime, timezone.utc)
                yield Listed(path, found.st_size, written, str(found.st_mtime_ns))


@contextmanager
def _written_aside(target: Path, data: bytes) -> Iterator[Path]:
    """Yield a durable hidden file with the data, beside its target; it is gone at the end, if it is still there."""
    aside = _aside(target)
    with _writing(target):
        try:
            _make_folder(target.parent)
            with aside.open("xb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            yield aside
        finally:
            aside.unlink(missing_ok=True)


@contextmanager
def _writing(target: Path) -> Iterator[None]:
    """Say of an OSError what could not be written."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or error
        raise SourceUnavailable(f"{target} could not be written: {reason}. Mend that and run it again.") from error


def _is_listed(path: str) -> bool:
    return f"/{HIDDEN}" not in path


def _aside(target: Path) -> Path:
    return target.with_name(f"{HIDDEN}{target.name}.{secrets.token_hex(8)}")


def _version(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _make_folder(folder: Path) -> None:
    """Make the folder and its parents be there, durably."""
    if folder.is_dir():
        return
    _make_folder(folder.parent)
    folder.mkdir(exist_ok=True)
    _sync(folder.parent)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
