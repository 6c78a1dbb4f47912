"""Files of one shape become one typed table; what does not fit is refused, and costs nothing else."""

from __future__ import annotations

import csv
from datetime import date
from decimal import Decimal

import duckdb
import pytest

from pipeline.core.errors import JobFailed
from pipeline.core.records import RefusedRows
from pipeline.core.typed_csv import Column, SourceFile, TypedFiles

COLUMNS = (Column("Date", "day", date), Column("Price", "price", Decimal), Column("Volume", "volume", int))
HEADER = b"Date,Price,Volume\r\n"
FIRST, LAST = b"2017-11-09,1.5,100\r\n", b"2017-11-10,2.25,200\r\n"
GOOD = [(date(2017, 11, 9), Decimal("1.5"), 100), (date(2017, 11, 10), Decimal("2.25"), 200)]


class Drop:
    """Files in a folder, and what was read of them."""

    def __init__(self, folder):
        self.folder = folder

    def read(self, **files: bytes):
        sources = []
        for name, data in files.items():
            path = self.folder / f"{name}.csv"
            path.write_bytes(data)
            sources.append(SourceFile(name, path))
        scratch = self.folder / "scratch"
        scratch.mkdir()
        with duckdb.connect() as connection, RefusedRows(lambda: (self.folder / "refused.csv").open("wb")) as refused:
            TypedFiles(sources, COLUMNS, scratch, refused).load(connection, "row")
            return connection.execute("SELECT day, price, volume, file_number FROM row").fetchall()

    @property
    def refused(self):
        with (self.folder / "refused.csv").open(newline="") as file:
            return [(row["file"], int(row["line"]), row["reason"]) for row in csv.DictReader(file)]


@pytest.fixture
def drop(tmp_path):
    return Drop(tmp_path)


def test_rows_come_in_the_order_of_the_files_and_of_their_lines(drop):
    rows = drop.read(b=HEADER + LAST + FIRST, a=HEADER + FIRST)

    assert rows == [(*GOOD[1], 0), (*GOOD[0], 0), (*GOOD[0], 1)]


@pytest.mark.parametrize(
    "data",
    [
        pytest.param((HEADER + FIRST + LAST).replace(b"\r\n", b"\n"), id="newlines"),
        pytest.param(HEADER + FIRST.replace(b"\r\n", b"\n") + LAST, id="newlines of two kinds"),
        pytest.param((HEADER + FIRST + LAST).rstrip(), id="no newline at the end"),
        pytest.param(b"\xef\xbb\xbf" + HEADER + FIRST + LAST, id="byte order mark"),
        pytest.param(HEADER + FIRST + b"\r\n" + LAST, id="a blank line"),
        pytest.param(HEADER + b'"2017-11-09","1.5",100\r\n' + LAST, id="quotes"),
        pytest.param(HEADER + b"2017-11-09,1.50000000,100.0\r\n" + LAST, id="zeros at the end"),
    ],
)
def test_a_file_may_be_written_in_many_ways(drop, data):
    rows = drop.read(one=data)

    assert [row[:3] for row in rows] == GOOD


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"2017-02-30,1,1\r\n", "its Date '2017-02-30' is no date"),
        (b"09.11.2017,1,1\r\n", "its Date '09.11.2017' is no date"),
        (b"2017-1-9,1,1\r\n", "its Date '2017-1-9' is no date"),
        (b"17-11-09,1,1\r\n", "its Date '17-11-09' is no date"),
        (b"20170-11-09,1,1\r\n", "its Date '20170-11-09' is no date"),
        (b" 2017-11-09,1,1\r\n", "its Date ' 2017-11-09' is no date"),
        (b"2017-11-09, 1,1\r\n", "its Price ' 1' is no number of 12 digits and 6 after the point"),
        (b"2017-11-09,abc,1\r\n", "its Price 'abc' is no number of 12 digits and 6 after the point"),
        (b"2017-11-09,,1\r\n", "its Price '' is no number of 12 digits and 6 after the point"),
        (b"2017-11-09,nan,1\r\n", "its Price 'nan' is no number of 12 digits and 6 after the point"),
        (b"2017-11-09,1e3,1\r\n", "its Price '1e3' is no number of 12 digits and 6 after the point"),
        (b"2017-11-09,1.1234567,1\r\n", "its Price '1.1234567' is no number of 12 digits and 6 after the point"),
        (
            b"2017-11-09,1234567890123,1\r\n",
            "its Price '1234567890123' is no number of 12 digits and 6 after the point",
        ),
        (b"2017-11-09,1,1.5\r\n", "its Volume '1.5' is no whole number of 12 digits"),
        (b"2017-11-09,1\r\n", "it has 2 fields, not 3"),
        (b"2017-11-09,1,1,1\r\n", "it has 4 fields, not 3"),
        (b"2017-11-09,1,1,\r\n", "it has 4 fields, not 3"),
        (b"0000-01-01,1,1\r\n", "its Date '0000-01-01' is no date"),
        (b"-2017-11-09,1,1\r\n", "its Date '-2017-11-09' is no date"),
        (b"02017-11-09,1,1\r\n", "its Date '02017-11-09' is no date"),
        (b"2017-11-09-,1,1\r\n", "its Date '2017-11-09-' is no date"),
        (b"2017-11-09.5,1,1\r\n", "its Date '2017-11-09.5' is no date"),
        (b"2017-11-09,1\xff,1\r\n", "it is not UTF-8"),
        (b"2017-11-09,1\x00,1\r\n", "it has a NUL byte"),
        (b'"2017-11-09,1,1\r\n', "its quotes do not pair: unexpected end of data"),
    ],
)
def test_a_line_that_does_not_fit_costs_itself_only(drop, line, reason):
    rows = drop.read(bad=HEADER + FIRST + line + LAST, good=HEADER + FIRST)

    assert drop.refused == [("bad", 3, reason)]
    assert [(*row[:3], row[3]) for row in rows] == [(*GOOD[0], 0), (*GOOD[1], 0), (*GOOD[0], 1)]


def test_a_line_with_a_field_too_many_is_refused_at_the_end_of_a_file_too(drop):
    rows = drop.read(bad=HEADER + FIRST + b"2017-11-10,1,1,")

    assert drop.refused == [("bad", 3, "it has 4 fields, not 3")]
    assert [row[:3] for row in rows] == [GOOD[0]]


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "the file is empty"),
        (FIRST, "the header is '2017-11-09,1.5,100', expected 'Date,Price,Volume'"),
    ],
)
def test_a_file_that_is_none_is_refused_as_one(drop, data, reason):
    rows = drop.read(none=data, good=HEADER + FIRST)

    assert drop.refused == [("none", 1, reason)]
    assert [row[3] for row in rows] == [1]


def test_a_record_that_stays_unreadable_ends_the_load(drop, monkeypatch):
    monkeypatch.setattr(TypedFiles, "_complaints", lambda *_: {0})

    with pytest.raises(JobFailed, match="one: DuckDB does not read its good records"):
        drop.read(one=HEADER + FIRST)


def test_a_file_may_have_no_rows(drop):
    assert drop.read(one=HEADER) == []


def test_there_may_be_no_files(drop):
    assert drop.read() == []


def test_a_file_may_have_any_name(drop, tmp_path):
    path = tmp_path / "it's [a] *? ünï.csv"
    path.write_bytes(HEADER + FIRST)
    (tmp_path / "scratch").mkdir()

    with duckdb.connect() as connection, RefusedRows(lambda: (tmp_path / "refused").open("wb")) as refused:
        TypedFiles([SourceFile(path.name, path)], COLUMNS, tmp_path / "scratch", refused).load(connection, "row")

        assert connection.execute("SELECT count(*) FROM row").fetchall() == [(1,)]
