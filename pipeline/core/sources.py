"""The only door to dropped files: a feed's records are checked while they are copied into the lake."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any, BinaryIO

from pipeline.core.feeds import open_feed
from pipeline.core.lake import Attempt, Counts, File, Input
from pipeline.core.records import Record, RefusedRows, checked_records, read_text, row_writer

PART_BYTES = 64 << 20
BUFFER_CHARACTERS = 1 << 18


@dataclass(frozen=True)
class Fed:
    """What became of a feed: the counts, the files of good records, what the feed was, and what did not fit first."""

    rows: Counts
    files: tuple[File, ...]
    source: Input
    first_refusal: str = ""


def copy_feed(path: str | Path, header: Sequence[str], attempt: Attempt, setting: str) -> Fed:
    """Copy a feed's good records into the attempt's part files, and quarantine the others.

    setting is what names the feed in luigi.cfg, such as "[user_behaviour] review_feed". Raises SourceUnavailable
    when the feed is missing, empty, or changes while it is copied, and CheckFailed when its header is another.
    """
    with ExitStack() as stack:
        feed = stack.enter_context(open_feed(str(path), setting))
        refused = stack.enter_context(RefusedRows(lambda: attempt.open_refused("refused.csv", "wb")))
        hashed = HashedStream(feed.stream)
        records = checked_records(read_text(io.BufferedReader(hashed, BUFFER_CHARACTERS)), header, feed.path)
        files = _write_parts(attempt, header, refused.keep_out(feed.path, records))
        feed.check_unchanged(hashed.bytes)
    written = sum(file.rows for file in files)
    rows = Counts(written + refused.count, written, refused.count)
    source = Input(feed.path, fingerprint={"sha256": hashed.digest.hexdigest(), **feed.fingerprint()})
    return Fed(rows, files, source, refused.first)


class HashedStream(io.RawIOBase):
    """A binary file whose bytes are hashed and counted as they are read."""

    def __init__(self, file: Any):
        self._file = file
        self.digest = hashlib.sha256()
        self.bytes = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        count = self._file.readinto(buffer)
        self.digest.update(memoryview(buffer)[:count])
        self.bytes += count or 0
        return count


def _write_parts(attempt: Attempt, header: Sequence[str], records: Iterator[Record]) -> tuple[File, ...]:
    """Write records as CSV files of about PART_BYTES, which are read in parallel; at least one, maybe without rows."""
    files: list[File] = []
    for first in records:
        files.append(_write_part(attempt, f"part-{len(files):04}.csv", header, chain([first], records)))
    return tuple(files) or (_write_part(attempt, "part-0000.csv", header, iter(())),)


def _write_part(attempt: Attempt, name: str, header: Sequence[str], records: Iterator[Record]) -> File:
    size = rows = 0
    buffer = io.StringIO(newline="")
    write_row = row_writer(buffer)
    write_row(header)
    with attempt.open(name, "wb") as target:
        for record in records:
            write_row(record.fields)
            rows += 1
            if buffer.tell() >= BUFFER_CHARACTERS:
                size += _empty_into(target, buffer)
            if size >= PART_BYTES:
                break
        size += _empty_into(target, buffer)
    return File(name, size, rows)


def _empty_into(target: BinaryIO, buffer: io.StringIO) -> int:
    """Return how many bytes the buffer's text took."""
    size = target.write(buffer.getvalue().encode())
    buffer.seek(0)
    buffer.truncate()
    return size
