"""The user's own purchases: CSV files with the header of Online Retail, folders of them, and tar archives."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Generator, Iterable, Iterator
from pathlib import Path, PurePosixPath
from typing import IO

from pipeline.core.errors import CheckFailed, SourceUnavailable
from pipeline.core.records import Record, Refused, RefusedRows, checked_records, read_text, row_writer
from pipeline.core.sources import HashedStream
from pipeline.seed.purchase import HEADER, Purchase, parse_purchase

ARCHIVES = (".tar", ".tar.xz", ".txz", ".tar.gz", ".tgz", ".tar.bz2")


def read_purchases(paths: Iterable[Path], refused: RefusedRows) -> Iterator[Purchase]:
    """Yield the good rows of every CSV file in the paths; the others go to refused.

    Raises SourceUnavailable at what cannot be read or holds no CSV file, and CheckFailed at another header or
    at a file that was given twice.
    """
    names: dict[str, str] = {}
    for path in paths:
        try:
            for name, stream in _open_files(path):
                digest = yield from _read_file(name, stream, refused)
                _check_new(names, digest, name)
        except tarfile.TarError as error:
            raise SourceUnavailable(f"{path} is no whole archive: {error}. Fetch it again.") from error


def _read_file(name: str, stream: IO[bytes], refused: RefusedRows) -> Generator[Purchase, None, str]:
    """Yield the good rows of one file, and return the hash of its bytes."""
    hashed = HashedStream(stream)
    records = checked_records(read_text(io.BufferedReader(hashed)), HEADER, name)
    for record in refused.keep_out(name, records):
        try:
            purchase = parse_purchase(record.fields)
        except ValueError as error:
            refused.add(name, Refused(record.line, _as_text(record), str(error)))
        else:
            yield purchase
    return hashed.digest.hexdigest()


def _check_new(names: dict[str, str], digest: str, name: str) -> None:
    # Purchases have no key, so nothing else would notice that a day is there twice.
    if digest in names:
        raise CheckFailed(f"{name} is the same file as {names[digest]}. Give one of them; nothing was loaded.")
    names[digest] = name


def _as_text(record: Record) -> str:
    target = io.StringIO(newline="")
    row_writer(target)(record.fields)
    return target.getvalue()


def _open_files(path: Path) -> Iterator[tuple[str, IO[bytes]]]:
    """Yield the name and the bytes of each CSV file; the bytes are to be read before the next is asked for."""
    files = sorted(path.rglob("*")) if path.is_dir() else [path]
    found = False
    for file in files:
        if file == path or (_is_wanted(file.name) and file.is_file()):
            for opened in _open_file(file):
                found = True
                yield opened
    if not found:
        raise SourceUnavailable(f"{path} holds no CSV file. Give the files of Online Retail.")


def _open_file(file: Path) -> Iterator[tuple[str, IO[bytes]]]:
    try:
        stream = file.open("rb")
    except OSError as error:
        raise SourceUnavailable(f"{file} cannot be read: {error.strerror}. Look at the path.") from error
    with stream:
        if file.name.lower().endswith(ARCHIVES):
            yield from _open_members(file, stream)
        else:
            yield str(file), stream


def _open_members(file: Path, stream: IO[bytes]) -> Iterator[tuple[str, IO[bytes]]]:
    """Yield the CSV files of an archive as they go by: nothing is unpacked, so their names touch no disk."""
    with tarfile.open(fileobj=stream, mode="r|*") as archive:
        for member in archive:
            content = archive.extractfile(member) if member.isfile() else None
            if content and member.name.lower().endswith(".csv") and _is_wanted(PurePosixPath(member.name).name):
                yield f"{file}:{member.name}", content


def _is_wanted(name: str) -> bool:
    """Leave out what is neither data nor an archive, and the `._` files that macOS puts beside the real ones."""
    return not name.startswith(".") and name.lower().endswith((".csv", *ARCHIVES))
