"""Rows through COPY, both ways, in constant memory.

psycopg2 writes to a file what the server sends, and reads from a file what it is to send. Those who use the
rows want it the other way round: a stream to read from, an iterator to be pulled.
"""

from __future__ import annotations

import io
import os
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import islice
from typing import IO, Any

import psycopg2
from psycopg2 import sql as names

ROWS_AT_ONCE = 1000
BUFFER_BYTES = 1 << 20


@contextmanager
def copy_out(cursor: Any, sql: str, params: Any = None) -> Iterator[IO[bytes]]:
    """Yield what a query returns, as a stream of CSV with a header; a null is empty, an empty text is `""`.

    The stream does not end before the query has ended well: if it fails, reading raises its error. What was
    not read is read at the end, so that the cursor can be used again.
    """
    query = cursor.mogrify(sql, params).decode().strip().removesuffix(";")
    copy = _Copy(cursor, f"COPY (\n{query}\n) TO STDOUT (FORMAT csv, HEADER)")
    stream = io.BufferedReader(copy, BUFFER_BYTES)
    try:
        yield stream
        while stream.read(BUFFER_BYTES):
            pass
    except BaseException:
        # The query may be at it for long before it has a row to send, and notices that nobody reads.
        with suppress(psycopg2.Error):
            cursor.connection.cancel()
        raise
    finally:
        stream.close()


class _Copy(io.RawIOBase):
    """What a thread copies out of a cursor; reading past the last byte raises the error of a copy that failed."""

    def __init__(self, cursor: Any, statement: str) -> None:
        self._error: BaseException | None = None
        source, sink = os.pipe()
        self._source = os.fdopen(source, "rb", buffering=0)
        self._thread = threading.Thread(target=self._copy, args=(cursor, statement, sink), daemon=True)
        self._thread.start()

    def _copy(self, cursor: Any, statement: str, sink: int) -> None:
        try:
            with os.fdopen(sink, "wb", BUFFER_BYTES) as file:
                cursor.copy_expert(statement, file)
        except BaseException as error:
            self._error = error

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        count = self._source.readinto(buffer)
        if count == 0:
            self._thread.join()
            if self._error:
                raise self._error
        return count

    def close(self) -> None:
        if not self.closed:
            self._source.close()
            self._thread.join()
        super().close()


def copy_in(cursor: Any, table: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> int:
    """Add rows to a table and return their number. None is null; an error of the iterator is raised as it is."""
    statement = names.SQL("COPY {} ({}) FROM STDIN (FORMAT csv)").format(
        names.Identifier(*table.split(".")), names.SQL(", ").join(map(names.Identifier, columns))
    )
    lines = iter(rows)
    return _copied(cursor, statement, lambda size: "".join(map(_csv_line, islice(lines, ROWS_AT_ONCE))))


def fill(cursor: Any, table: str, columns: Sequence[str], stream: IO[bytes]) -> int:
    """Copy CSV without a header into a table that this transaction made, and return the number of rows.

    They are frozen: whoever sees the table sees them, however old the snapshot.
    """
    statement = names.SQL("COPY {} ({}) FROM STDIN (FORMAT csv, FREEZE)").format(
        names.Identifier(*table.split(".")), names.SQL(", ").join(map(names.Identifier, columns))
    )
    return _copied(cursor, statement, stream.read)


def _copied(cursor: Any, statement: Any, read: Callable[[int], Any]) -> int:
    """Copy what a function returns until that is empty; an error of it is raised as it is."""
    source = _Source(read)
    try:
        cursor.copy_expert(statement, source, size=BUFFER_BYTES)
    except psycopg2.Error:
        if source.error:
            raise source.error from None
        raise
    return cursor.rowcount


class _Source:
    """What COPY reads from, which keeps the error of a read."""

    def __init__(self, read: Callable[[int], Any]) -> None:
        self._read = read
        self.error: BaseException | None = None

    def read(self, size: int) -> Any:
        try:
            return self._read(size)
        except BaseException as error:
            # psycopg2 would tell it to the server, and raise what the server answers.
            self.error = error
            raise


def _csv_line(row: Sequence[Any]) -> str:
    """Return a row as CSV; the csv module of Python 3.10 writes a null and an empty text alike."""
    return ",".join(["" if value is None else '"' + str(value).replace('"', '""') + '"' for value in row]) + "\n"
