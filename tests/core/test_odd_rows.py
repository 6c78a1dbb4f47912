"""A row that a query finds odd is refused with its own line, or nothing is."""

from __future__ import annotations

import csv
from datetime import date

import duckdb
import pytest

from pipeline.core.errors import CheckFailed
from pipeline.core.odd_rows import OddRows
from pipeline.core.records import RefusedRows
from pipeline.core.typed_csv import Column, SourceFile, TypedFiles

COLUMNS = (Column("Date", "day", date), Column("Volume", "volume", int))
ODD = "SELECT 'volumes below 0' AS finding, rowid AS row_id FROM typed_row WHERE volume < 0"


@pytest.fixture
def refuse(tmp_path):
    """Refuse the odd rows of a file, and return what is left, and the lines that were refused."""

    def done(*lines, kind=TypedFiles):
        path, scratch = tmp_path / "one.csv", tmp_path / "scratch"
        path.write_text("\n".join(["Date,Volume", *lines, ""]))
        scratch.mkdir()
        with duckdb.connect() as connection, RefusedRows(lambda: (tmp_path / "refused").open("wb")) as refused:
            files = kind([SourceFile("one.csv", path)], COLUMNS, scratch, refused)
            files.load(connection, "typed_row")
            OddRows(connection, ODD, "typed_row").refuse(["volumes below 0"], files, refused)
            kept = [str(row) for (row,) in connection.execute("SELECT day FROM typed_row").fetchall()]
        with (tmp_path / "refused").open(newline="") as file:
            return kept, [(int(row["line"]), row["text"]) for row in csv.DictReader(file)]

    return done


def test_an_odd_row_is_refused_with_its_own_line_beside_what_does_not_fit(refuse):
    kept, refused = refuse("2017-11-08,1,", "2017-11-09,-7", "2017-11-10,2")

    assert kept == ["2017-11-10"]
    assert refused == [(2, "2017-11-08,1,\n"), (3, "2017-11-09,-7")]


def test_a_place_that_may_be_that_of_another_row_is_not_trusted(refuse):
    class Short(TypedFiles):
        def records(self, number):
            yield from list(super().records(number))[1:]

    with pytest.raises(CheckFailed, match=r"one\.csv: 3 rows were read of its 2 records"):
        refuse("2017-11-08,1", "2017-11-09,-7", "2017-11-10,2", kind=Short)
