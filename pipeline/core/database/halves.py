"""The second half of a large file, which a session of its own copies into a table of its own, at the same time.

One server process copies at the pace of one core. Both tables become partitions of one, which tells them apart by the
keys that the second half has; so the file is cut where another key begins. That table's transaction ends first: until
the other one has taken it in, nobody reads it, and what a killed load left of it is dropped by the next.
"""

from __future__ import annotations

import io
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any, cast

import psycopg2
from psycopg2 import errorcodes
from psycopg2 import sql as names

from pipeline.core.database.copies import fill
from pipeline.core.database.fresh import analyze, attach, create, drop, fetched, index, named
from pipeline.core.errors import SourceUnavailable

if TYPE_CHECKING:
    from pipeline.core.database.snapshots import SnapshotLoad

# Of less, a second session saves less than a tenth of a second.
HALVED_FROM = 16 << 20
# A unique index would have to hold what tells the halves apart.
KEY = """
SELECT attname
FROM pg_partitioned_table
JOIN pg_attribute ON attrelid = partrelid AND attnum = partattrs[0]
WHERE partrelid = to_regclass(%(table)s) AND atttypid = 'text'::regtype
    AND NOT EXISTS (SELECT FROM pg_index WHERE indrelid = partrelid AND indisunique)
"""
LEFT = """
SELECT whole.relnamespace::regnamespace || '.' || left_over.relname
FROM pg_class AS whole
JOIN pg_class AS left_over USING (relnamespace)
WHERE whole.oid = to_regclass(%(table)s) AND left_over.relkind = 'r' AND NOT left_over.relispartition
    AND left_over.relname ~ ('^' || whole.relname || '_[0-9a-f]+_second$')
"""
Transaction = Callable[[], AbstractContextManager[Any]]
KEYS = (
    "SELECT jsonb_object_agg({key}, 0)::text FROM (SELECT DISTINCT {key} FROM {table} WHERE {key} IS NOT NULL) AS keys"
)


@dataclass(frozen=True)
class CsvFile:
    """A file of CSV without a header, and its size."""

    open: Callable[[], IO[bytes]]
    bytes: int


class Halves:
    """A file that is cut in two: the first half is for the load's own session, a second one copies the other."""

    def __init__(self, load: SnapshotLoad, key: str, columns: Sequence[str], file: CsvFile, cut: int) -> None:
        self.load, self.key, self.columns, self.file, self.cut = load, key, columns, file, cut
        self.second = f"{load.fresh}_second"
        self.stopped = threading.Event()
        # The keys of the second half, as JSON, which are known before it is committed.
        self.keys: Future[str] = Future()
        self.copied: Future[None] = Future()

    def first_half(self) -> IO[bytes]:
        return cast(IO[bytes], _Part(self.file.open(), 0, self.cut, self.stopped))

    def second_half(self) -> IO[bytes]:
        return cast(IO[bytes], _Part(self.file.open(), self.cut, self.file.bytes, self.stopped))

    def copy_second(self, transaction: Transaction) -> None:
        """Copy the second half in a transaction, and tell its keys."""
        try:
            with transaction() as cursor, self.second_half() as stream:
                drop_left(cursor, self.load.table)
                create(cursor, self.second, self.load.table)
                self.load.copied.append(fill(cursor, self.second, self.columns, stream))
                index(cursor, self.second, self.load.table)
                self.keys.set_result(self._found_keys(cursor))
                analyze(cursor, self.second)
        except BaseException as error:
            if not self.keys.done():
                self.keys.set_exception(error)
            raise

    def _found_keys(self, cursor: Any) -> str:
        keys = names.SQL(KEYS).format(key=names.Identifier(self.key), table=named(self.second))
        [(found,)] = fetched(cursor, keys)
        return found or "{}"

    def joined(self, cursor: Any) -> str:
        """Return the table that has both halves, once the second is there."""
        keys = self.keys.result()
        cursor.execute("SAVEPOINT halves")
        try:
            return self._whole(cursor, keys)
        except psycopg2.Error as error:
            if error.pgcode != errorcodes.CHECK_VIOLATION:
                raise
        # A key has rows in both, so that no partition can be told from the other: all go into one table.
        cursor.execute("ROLLBACK TO SAVEPOINT halves; RELEASE SAVEPOINT halves")
        self.copied.result()
        drop(cursor, self.second)
        with self.second_half() as stream:
            fill(cursor, self.load.fresh, self.columns, stream)
        analyze(cursor, self.load.fresh)
        return self.load.fresh

    def _whole(self, cursor: Any, keys: str) -> str:
        whole = f"{self.load.fresh}_whole"
        # It is null of a row of the first half; that partition is read before the default one.
        found = names.SQL("{}::jsonb -> {}").format(names.Literal(keys), names.Identifier(self.key))
        create(cursor, whole, self.load.table, found)
        index(cursor, whole, self.load.table)
        attach(cursor, whole, self.load.fresh, "FOR VALUES IN (NULL)")
        self.copied.result()
        attach(cursor, whole, self.second, "DEFAULT")
        return whole


@contextmanager
def halved(
    transaction: Transaction, cursor: Any, load: SnapshotLoad, columns: Sequence[str], files: Sequence[CsvFile]
) -> Iterator[Halves | None]:
    """Yield the halves of a file, of which the second is being copied, or None where one session copies all."""
    halves = _halves(cursor, load, columns, files)
    if halves is None:
        drop_left(cursor, load.table)
        yield None
        return
    with ThreadPoolExecutor(1) as pool:
        halves.copied = pool.submit(halves.copy_second, transaction)
        try:
            yield halves
        except BaseException:
            halves.stopped.set()
            raise


def drop_left(cursor: Any, table: str) -> None:
    """Drop second halves of a table that loads left which ended before they took them in."""
    for (left,) in fetched(cursor, LEFT, {"table": table}):
        drop(cursor, left)


def _halves(cursor: Any, load: SnapshotLoad, columns: Sequence[str], files: Sequence[CsvFile]) -> Halves | None:
    keys = [key for (key,) in fetched(cursor, KEY, {"table": load.table})]
    if len(files) != 1 or files[0].bytes < HALVED_FROM or keys == [] or keys[0] not in columns:
        return None
    cut = _place_to_cut(files[0], columns.index(keys[0]), len(columns))
    return Halves(load, keys[0], columns, files[0], cut) if cut else None


def _place_to_cut(file: CsvFile, key: int, fields: int) -> int:
    """Return where the first line after the middle begins that has another key than the one before, or 0 if none has.

    So it is where a line is not a row, as one with a quote may not be.
    """
    before = None
    with io.BufferedReader(cast(io.RawIOBase, file.open())) as stream:
        place = stream.seek(file.bytes // 2)
        place += len(stream.readline())
        for line in stream:
            row = line.rstrip(b"\n").split(b",")
            if b'"' in line or len(row) != fields:
                return 0
            if before not in (None, row[key]):
                return place
            before, place = row[key], place + len(line)
    return 0


class _Part(io.RawIOBase):
    """The bytes of a file from one place to another, until it is stopped."""

    def __init__(self, file: IO[bytes], start: int, end: int, stopped: threading.Event) -> None:
        self._file, self._left, self._stopped = file, end - start, stopped
        file.seek(start)

    def read(self, size: int = -1) -> bytes:
        if self._stopped.is_set():
            raise SourceUnavailable("The load has ended, and nobody needs its second half.")
        data = self._file.read(self._left if size < 0 else min(size, self._left))
        self._left -= len(data)
        return data

    def close(self) -> None:
        self._file.close()
        super().close()
