"""CSV files of one shape, read as typed rows by DuckDB; what does not fit is refused with its file, line and reason.

A file that is as it should be is read at DuckDB's pace. Any other is first copied record by record, without what is
refused, so that an oddity costs the time of its own file and no good row.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TextIO

import duckdb

from pipeline.core.errors import CheckFailed, JobFailed, SourceUnavailable
from pipeline.core.plain_csv import has_header, is_misread
from pipeline.core.records import Record, Refused, RefusedRows, checked_records, read_text, row_writer
from pipeline.core.sql_text import texts
from pipeline.core.typed_columns import Column

__all__ = ["Column", "SourceFile", "TypedFiles"]

# DuckDB takes a path with * or [ in it for a pattern.
PLAIN_PATH = re.compile(r"/[\w/. =-]+", re.ASCII)
EMPTY = "the file is empty"


@dataclass(frozen=True)
class SourceFile:
    """A file as its owner names it, and where it can be read on this machine."""

    name: str
    path: Path


class TypedFiles:
    """Files to be read into a table of a DuckDB, a row a record, in their order."""

    def __init__(self, files: Sequence[SourceFile], columns: Sequence[Column], scratch: Path, refused: RefusedRows):
        self.files, self.columns, self.refused = files, columns, refused
        self._folder = scratch / "files"
        self._folder.mkdir()
        # Where DuckDB reads each.
        self._paths = [file.path for file in files]
        self._copied: set[int] = set()
        # The names of those that have another header.
        self.foreign: set[str] = set()

    def load(self, connection: duckdb.DuckDBPyConnection, table: str) -> None:
        """Make a table of the good rows of all files: the columns, and file_number, where a file is in the list."""
        self._place_all()
        with ThreadPoolExecutor(1) as pool:
            # Nearly always the files are as they should be, and DuckDB need not wait until that is known.
            reading = pool.submit(self._read_all, connection, table)
            odd = {number for number in range(len(self.files)) if self._is_misread(number)}
        odd |= set() if odd else self._complaints(connection, table, reading.result())
        while odd:
            if again := sorted(odd & self._copied):
                raise JobFailed(f"{self.files[again[0]].name}: DuckDB does not read its good records. Report that.")
            for number in sorted(odd):
                self._copy(number)
            odd = self._complaints(connection, table, self._read_all(connection, table))

    def records(self, number: int) -> Iterator[Record]:
        """Yield what the rows of a file were made of, a record a row, with their lines in the file."""
        with read_text(self.files[number].path.open("rb")) as source:
            found = self._records(source, self.files[number].name)
            fit = self._typed(found) if number in self._copied else found
            yield from (one for one in fit if isinstance(one, Record))

    def _place(self, number: int) -> Path:
        return self._folder / f"{number:08}.csv"

    @property
    def _header(self) -> list[str]:
        return [column.header for column in self.columns]

    def _place_all(self) -> None:
        """Say where DuckDB finds each file, or what is good in one that is of another kind."""
        if not self.files:
            # It reads one at least.
            self._paths = [self._place(0)]
            self._place(0).write_text(",".join(self._header))
        for number, file in enumerate(self.files):
            if not has_header(file.path, self._header):
                self._copy(number)
            elif not PLAIN_PATH.fullmatch(str(file.path)):
                self._paths[number] = self._place(number)
                self._place(number).symlink_to(file.path)

    def _is_misread(self, number: int) -> bool:
        types = [column.type for column in self.columns]
        return number not in self._copied and is_misread(self.files[number].path, types)

    def _copy(self, number: int) -> None:
        """Put a copy of the good records of a file in its place, and quarantine the others."""
        file, place = self.files[number], self._place(number)
        place.unlink(missing_ok=True)
        self._paths[number] = place
        self._copied.add(number)
        with read_text(file.path.open("rb")) as source, place.open("w", encoding="utf-8", newline="") as target:
            write_row = row_writer(target)
            write_row(self._header)
            for record in self.refused.keep_out(file.name, self._typed(self._records(source, file.name))):
                write_row(record.fields)

    def _records(self, text: TextIO, name: str) -> Iterator[Record | Refused]:
        try:
            yield from checked_records(text, self._header, name)
        except SourceUnavailable:
            yield Refused(1, "", EMPTY)
        except CheckFailed as error:
            self.foreign.add(name)
            yield Refused(1, "", str(error).removeprefix(f"{name}: ").rstrip("."))

    def _typed(self, records: Iterator[Record | Refused]) -> Iterator[Record | Refused]:
        for record in records:
            if isinstance(record, Refused):
                yield record
                continue
            faults = [column.fault(text) for column, text in zip(self.columns, record.fields, strict=True)]
            first = next(filter(None, faults), "")
            yield Refused(record.line, ",".join(record.fields), first) if first else record

    def _read_all(self, connection: duckdb.DuckDBPyConnection, table: str) -> bool:
        """Make the table of what DuckDB can read, and say whether that is a part of every file."""
        connection.execute("DROP TABLE IF EXISTS reject_errors; DROP TABLE IF EXISTS reject_scans")
        try:
            self._read(connection, table, self._paths)
        except duckdb.InvalidInputException:
            return False
        return True

    def _complaints(self, connection: duckdb.DuckDBPyConnection, table: str, is_read: bool) -> set[int]:
        """Return which files have to be copied first, or none if the table holds all rows."""
        if is_read:
            return self._rejected(connection) | self._out_of_range(connection, table)
        return {number for number, path in enumerate(self._paths) if not self._is_readable(connection, path)}

    def _read(self, connection: duckdb.DuckDBPyConnection, table: str, paths: Sequence[Path]) -> None:
        # The names are ours; with a parameter, duckdb would first import pandas, which takes longer than all the rest.
        columns = {column.name: column.sql_type for column in self.columns}
        select = f"""
            CREATE OR REPLACE TABLE {table} AS
            SELECT *, file_index::integer AS file_number
            FROM read_csv(
                {texts(map(str, paths))}, columns = {columns}, force_not_null = {texts(columns)}, header = true,
                auto_detect = false, delim = ',', quote = '', escape = '', compression = 'none',
                hive_partitioning = false, store_rejects = true
            )
        """  # noqa: S608
        connection.execute(select)

    def _is_readable(self, connection: duckdb.DuckDBPyConnection, path: Path) -> bool:
        try:
            self._read(connection, "one_file", [path])
        except duckdb.InvalidInputException:
            return False
        finally:
            connection.execute("DROP TABLE IF EXISTS one_file")
        return True

    def _rejected(self, connection: duckdb.DuckDBPyConnection) -> set[int]:
        paths = connection.execute(
            "SELECT DISTINCT file_path FROM reject_errors JOIN reject_scans USING (scan_id, file_id)"
        ).fetchall()
        numbers = {str(path): number for number, path in enumerate(self._paths)}
        return {numbers[path] for (path,) in paths}

    def _out_of_range(self, connection: duckdb.DuckDBPyConnection, table: str) -> set[int]:
        odd = [f'"{column.name}" % 1 <> 0' for column in self.columns if column.type is int]
        days = "BETWEEN DATE '0001-01-01' AND DATE '9999-12-31'"
        odd += [f'"{column.name}" NOT {days}' for column in self.columns if column.type is date]
        # The names are ours.
        found = f"SELECT DISTINCT file_number FROM {table} WHERE {' OR '.join(odd) or 'false'}"  # noqa: S608
        return {number for (number,) in connection.execute(found).fetchall()}
