"""CSV files of one shape, read as typed rows by DuckDB; what does not fit is refused with its file, line and reason.

A file that is as it should be is read at DuckDB's pace. Any other is first copied record by record, without what is
refused, so that an oddity costs the time of its own file and no good row.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import TextIO

import duckdb

from pipeline.core.errors import CheckFailed, SourceUnavailable
from pipeline.core.records import Record, Refused, RefusedRows, checked_records, read_text, row_writer

# A number has twelve digits before its point and six after it: what DuckDB keeps in 64 bits.
WHOLE_DIGITS, FRACTION_DIGITS = 12, 6
# What DuckDB would round, and say nothing.
FINER = re.compile(rb"\.\d{7}|\d[eE]")
NUMBER = re.compile(r"[+-]?0*(?P<whole>\d*)\.?(?P<fraction>\d*?)0*", re.ASCII)
ISO_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
EMPTY = "the file is empty"


@dataclass(frozen=True)
class Column:
    """A column: its name in the header of the files, its name in a table, and its type: date, Decimal or int."""

    header: str
    name: str
    type: type

    @property
    def sql_type(self) -> str:
        # A whole number too, since a cast to one would round what has a fraction.
        return "DATE" if self.type is date else f"DECIMAL({WHOLE_DIGITS + FRACTION_DIGITS}, {FRACTION_DIGITS})"

    def fault(self, text: str) -> str:
        """Return why a field is none of this column's values, or nothing."""
        is_fit = _is_date(text) if self.type is date else _is_number(text, FRACTION_DIGITS * (self.type is Decimal))
        return "" if is_fit else f"its {self.header} {text[:40]!r} is no {KINDS[self.type]}"


KINDS = {
    date: "date",
    Decimal: f"number of {WHOLE_DIGITS} digits and {FRACTION_DIGITS} after the point",
    int: f"whole number of {WHOLE_DIGITS} digits",
}


@dataclass(frozen=True)
class SourceFile:
    """A file as its owner names it, and where it can be read on this machine."""

    name: str
    path: Path


class TypedFiles:
    """Files to be read into a table of a DuckDB, a row a record, in their order."""

    def __init__(self, files: Sequence[SourceFile], columns: Sequence[Column], scratch: Path, refused: RefusedRows):
        self.files, self.columns, self.refused = files, columns, refused
        # DuckDB takes a name with * or [ in it for a pattern, so that it reads each by another name.
        self._folder = scratch / "files"
        self._folder.mkdir()

    def load(self, connection: duckdb.DuckDBPyConnection, table: str) -> None:
        """Make a table of the good rows of all files: the columns, and file_number, where a file is in the list."""
        for number, file in enumerate(self.files):
            if self._is_plain(file.path.read_bytes()):
                self._place(number).symlink_to(file.path)
            else:
                self._copy(number)
        while odd := self._load(connection, table):
            for number in odd:
                self._copy(number)

    def records(self, number: int) -> Iterator[Record]:
        """Yield what the rows of a file were made of, a record a row, with their lines in the file."""
        with read_text(self.files[number].path.open("rb")) as source:
            found = self._records(source, self.files[number].name)
            is_whole = self._place(number).is_symlink()
            yield from (one for one in (found if is_whole else self._typed(found)) if isinstance(one, Record))

    def _place(self, number: int) -> Path:
        return self._folder / f"{number:08}.csv"

    @property
    def _header(self) -> list[str]:
        return [column.header for column in self.columns]

    def _is_plain(self, data: bytes) -> bool:
        """Say whether DuckDB can read a file, and complains of all that does not fit."""
        header = ",".join(self._header).encode()
        newlines, returns, both = data.count(b"\n"), data.count(b"\r"), data.count(b"\r\n")
        is_of_one_kind = returns == both and both in (0, newlines)
        has_header = data.startswith((header + b"\r\n", header + b"\n"))
        return has_header and is_of_one_kind and b'"' not in data and not FINER.search(data, len(header))

    def _copy(self, number: int) -> None:
        """Put a copy of the good records of a file in its place, and quarantine the others."""
        file, place = self.files[number], self._place(number)
        place.unlink(missing_ok=True)
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
            yield Refused(1, "", str(error).removeprefix(f"{name}: ").rstrip("."))

    def _typed(self, records: Iterator[Record | Refused]) -> Iterator[Record | Refused]:
        for record in records:
            if isinstance(record, Refused):
                yield record
                continue
            faults = [column.fault(text) for column, text in zip(self.columns, record.fields, strict=True)]
            first = next(filter(None, faults), "")
            yield Refused(record.line, ",".join(record.fields), first) if first else record

    def _load(self, connection: duckdb.DuckDBPyConnection, table: str) -> set[int]:
        """Return which files have to be copied first, or none once the table holds all rows."""
        connection.execute("DROP TABLE IF EXISTS reject_errors; DROP TABLE IF EXISTS reject_scans")
        paths = [str(self._place(number)) for number in range(len(self.files))]
        try:
            self._read(connection, table, paths)
        except duckdb.InvalidInputException:
            return {number for number, path in enumerate(paths) if not self._is_readable(connection, path)}
        return self._rejected(connection) | self._with_fractions(connection, table)

    def _read(self, connection: duckdb.DuckDBPyConnection, table: str, paths: list[str]) -> None:
        # The names are ours.
        columns = {column.name: column.sql_type for column in self.columns}
        select = f"""
            CREATE OR REPLACE TABLE {table} AS
            SELECT * EXCLUDE (filename), parse_filename(filename, true)::integer AS file_number
            FROM read_csv(
                $paths, columns = {columns}, force_not_null = {list(columns)}, header = true, auto_detect = false,
                delim = ',', quote = '', escape = '', filename = true, store_rejects = true
            )
        """  # noqa: S608
        connection.execute(select, {"paths": paths})

    def _is_readable(self, connection: duckdb.DuckDBPyConnection, path: str) -> bool:
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
        return {int(Path(path).stem) for (path,) in paths}

    def _with_fractions(self, connection: duckdb.DuckDBPyConnection, table: str) -> set[int]:
        wholes = [f'"{column.name}" % 1 <> 0' for column in self.columns if column.type is int]
        # The names are ours.
        found = f"SELECT DISTINCT file_number FROM {table} WHERE {' OR '.join(wholes) or 'false'}"  # noqa: S608
        return {number for (number,) in connection.execute(found).fetchall()}


def _is_date(text: str) -> bool:
    try:
        return ISO_DATE.fullmatch(text) is not None and bool(date.fromisoformat(text))
    except ValueError:
        return False


def _is_number(text: str, fraction_digits: int) -> bool:
    found = NUMBER.fullmatch(text)
    has_digit = any(sign.isdigit() for sign in text)
    return bool(
        found and has_digit and len(found["whole"]) <= WHOLE_DIGITS and len(found["fraction"]) <= fraction_digits
    )
