"""What DuckDB reads at its own pace is what a look at each record by itself gives."""

from __future__ import annotations

import tempfile
from datetime import date
from decimal import Decimal
from pathlib import Path

import duckdb
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from pipeline.core.records import RefusedRows
from pipeline.core.typed_csv import Column, SourceFile, TypedFiles

COLUMNS = (Column("Date", "day", date), Column("Price", "price", Decimal), Column("Volume", "volume", int))
HEADER = "Date,Price,Volume"
FRAGMENTS = (
    "2017-11-09", "0000-01-01", "-2017-11-09", "02017-11-09", "2017-11-09.5", "9999-12-31", "1", "0", "-2.5", ".5",
    "1.1234567", "123456789012", "1234567890123", "-", ".", ",", ",", " ", '"', "\r", "\n", "\r\n", "\0", "\xff", "x",
)  # fmt: skip
GOOD_LINE = "2017-11-09,1.5,100"
LINES = st.one_of(
    st.just(GOOD_LINE),
    st.lists(st.sampled_from(FRAGMENTS), min_size=3, max_size=3).map(",".join),
    st.lists(st.sampled_from(FRAGMENTS), max_size=7).map("".join),
    st.tuples(st.integers(0, len(GOOD_LINE)), st.sampled_from(FRAGMENTS)).map(
        lambda put: GOOD_LINE[: put[0]] + put[1] + GOOD_LINE[put[0] :]
    ),
)


class RecordByRecord(TypedFiles):
    """The same files, none of which DuckDB is trusted with as it is."""

    def _is_misread(self, number):
        return number not in self._copied


def read(kind, data: bytes):
    """Return the rows of a file, and how many were refused."""
    with tempfile.TemporaryDirectory() as name, duckdb.connect() as connection:
        folder = Path(name)
        path, scratch = folder / "one.csv", folder / "scratch"
        path.write_bytes(data)
        scratch.mkdir()
        with RefusedRows(lambda: (folder / "refused.csv").open("wb")) as refused:
            kind([SourceFile("one", path)], COLUMNS, scratch, refused).load(connection, "row")
            return connection.execute("SELECT day::varchar, price, volume FROM row").fetchall(), refused.count


@settings(max_examples=30, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(LINES, max_size=4), st.sampled_from(["\n", "\r\n"]), st.booleans())
@example(["0000-01-01,1,1"], "\n", True)
@example(["2017-11-09-,1,1"], "\n", True)
@example([f"{GOOD_LINE},"], "\n", False)
@example([GOOD_LINE, f"{GOOD_LINE},"], "\r\n", True)
def test_both_ways_give_the_same_rows(lines, ending, is_ended):
    data = (ending.join([HEADER, *lines]) + ending * is_ended).encode("latin-1")

    assert read(TypedFiles, data) == read(RecordByRecord, data)
