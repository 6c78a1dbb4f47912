"""The files that a user gives: single ones, those in folders, and the members of tar archives."""

from __future__ import annotations

import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO

from pipeline.core.errors import SourceUnavailable

ARCHIVES = (".tar", ".tar.xz", ".txz", ".tar.gz", ".tgz", ".tar.bz2")


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Say of a broken archive, while its files are read, which one it is."""
    try:
        yield
    except tarfile.TarError as error:
        raise SourceUnavailable(f"{path} is no whole archive: {error}. Fetch it again.") from error


def open_files(path: Path, wanted: tuple[str, ...]) -> Iterator[tuple[str, IO[bytes]]]:
    """Yield the place and the bytes of each file, to be read before the next is asked for.

    path is a file, a folder or an archive; in the last two the names of files end as wanted, without regard to case.
    """
    files = sorted(path.rglob("*")) if path.is_dir() else [path]
    for file in files:
        if file == path or (_is_wanted(file.name, (*wanted, *ARCHIVES)) and file.is_file()):
            yield from _open_file(file, wanted)


def _open_file(file: Path, wanted: tuple[str, ...]) -> Iterator[tuple[str, IO[bytes]]]:
    try:
        stream = file.open("rb")
    except OSError as error:
        raise SourceUnavailable(f"{file} cannot be read: {error.strerror}. Look at the path.") from error
    with stream:
        if file.name.lower().endswith(ARCHIVES):
            yield from _open_members(file, stream, wanted)
        else:
            yield str(file), stream


def _open_members(file: Path, stream: IO[bytes], wanted: tuple[str, ...]) -> Iterator[tuple[str, IO[bytes]]]:
    """Yield the files of an archive as they go by: nothing is unpacked, so their names touch no disk."""
    with tarfile.open(fileobj=stream, mode="r|*") as archive:
        for member in archive:
            content = archive.extractfile(member) if member.isfile() else None
            if content and _is_wanted(PurePosixPath(member.name).name, wanted):
                yield f"{file}:{member.name}", content


def _is_wanted(name: str, wanted: tuple[str, ...]) -> bool:
    """Leave out what is neither data nor an archive, and the `._` files that macOS puts beside the real ones."""
    return not name.startswith(".") and name.lower().endswith(wanted)
