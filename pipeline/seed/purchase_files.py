"""The user's own purchases: CSV files with the header of Online Retail, folders of them, and tar archives."""

from __future__ import annotations

import io
from collections.abc import Generator, Iterable, Iterator
from pathlib import Path
from typing import IO

from pipeline.core.errors import CheckFailed, SourceUnavailable
from pipeline.core.records import Record, Refused, RefusedRows, checked_records, read_text, row_writer
from pipeline.core.sources import HashedStream
from pipeline.seed.given_files import open_files, reading
from pipeline.seed.purchase import HEADER, Purchase, parse_purchase


def read_purchases(paths: Iterable[Path], refused: RefusedRows) -> Iterator[Purchase]:
    """Yield the good rows of every CSV file in the paths; the others go to refused.

    Raises SourceUnavailable at what cannot be read or holds no CSV file, and CheckFailed at another header or
    at a file that was given twice.
    """
    names: dict[str, str] = {}
    for path in paths:
        before = len(names)
        with reading(path):
            for name, stream in open_files(path, (".csv",)):
                digest = yield from _read_file(name, stream, refused)
                _check_new(names, digest, name)
        if len(names) == before:
            raise SourceUnavailable(f"{path} holds no CSV file. Give the files of Online Retail.")


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
