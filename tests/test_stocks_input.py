"""What a drop of stock files may hold, and what the day's file in the lake is then; in this process."""

from __future__ import annotations

import csv
import datetime

import pytest
from stock_drop import Drop

from pipeline.core.errors import CheckFailed
from pipeline.core.lake import Counts, File, lake
from pipeline.core.sections import FINDINGS
from pipeline.core.spark import client
from pipeline.stocks import HistoricalStockData, HistoricalStocks

ODD = {
    "prices below 0": "2017-11-03,-1,2,-2,1,1,0",
    "prices of 0": "2017-11-04,0,2,0,1,1,0",
    "highs below the low": "2017-11-05,1,1,2,1,1,0",
    "repeated dates": "2017-11-01,1,1,1,1,1,0",
}


class Day:
    """The task that reads a drop."""

    def __init__(self):
        self.task = HistoricalStockData(date=datetime.date(2017, 11, 10))

    def make(self):
        """Return what the task says of what it made."""
        return self.task.make()

    @property
    def rows(self):
        manifest = lake().manifest(self.task.dataset, self.task.partition)
        with lake().open(manifest, manifest.files[0].name) as file:
            return list(csv.reader(file.read().decode().splitlines()))

    @property
    def refused(self):
        store = lake().store
        [path] = [one.path for one in store.list("quarantine") if one.path.endswith("refused.csv")]
        rows = csv.DictReader(store.read(path).data.decode().splitlines())
        return [(row["file"], int(row["line"]), row["reason"]) for row in rows]


@pytest.fixture
def drop(settings, tmp_path, monkeypatch) -> Drop:
    settings("lake", "root", str(tmp_path / "lake"))
    settings("lake", "max_refused", "0.9")
    settings("stocks", "source", str(tmp_path / "stocks"))
    monkeypatch.setenv(client.RUN_FOLDER, str(tmp_path))
    return Drop(tmp_path / "stocks")


@pytest.fixture
def odd(drop) -> Drop:
    """Return a drop with each finding in two files; its blank line is no row, but a line."""
    drop.put("fine.us.csv", "2017-11-01,1,1,1,1,1,0")
    drop.put("odd.us.csv", "2017-11-01,1,1,1,1,1,0", "", *ODD.values())
    drop.put("quoted.us.csv", "x,1,1,1,1,1,0", '"2017-11-02",1,1,1,1,1,0', *ODD.values())
    drop.list("fine.us.csv", "odd.us.csv", "quoted.us.csv")
    return drop


def test_odd_rows_are_kept_and_counted(odd):
    made = Day().make()

    kept = "2 highs below the low, 2 prices below 0, 2 prices of 0, 1 repeated dates"
    assert made.startswith(f"read 12, wrote 11, refused 1; kept {kept}")


@pytest.mark.parametrize("finding", FINDINGS)
def test_odd_rows_that_a_setting_names_are_refused_with_their_lines(odd, settings, finding):
    settings("stocks", "refused_findings", finding)
    place = list(ODD).index(finding) + 4
    files = ["odd.us.csv"] if finding == "repeated dates" else ["odd.us.csv", "quoted.us.csv"]
    day = Day()

    made = day.make()

    assert finding not in made
    assert day.refused == [
        ("quoted.us.csv", 2, "its Date 'x' is no date"),
        *((file, place, f"it is among the {finding}") for file in files),
    ]
    assert len(day.rows) == 11 - len(files)


def test_a_row_with_several_findings_is_refused_once(drop, settings):
    settings("stocks", "refused_findings", "repeated dates, highs below the low, prices below 0")
    drop.put("a.us.csv", "2017-11-01,1,-2,-1,1,1,0", "2017-11-01,1,1,1,1,1,0", "2017-11-02,1,1,2,1,1,0")
    drop.list("a.us.csv")
    day = Day()

    made = day.make()

    assert made.startswith("read 3, wrote 1, refused 2")
    assert "kept" not in made
    # What is left of a date that was repeated is no repetition.
    assert day.refused == [
        ("a.us.csv", 2, "it is among the prices below 0"),
        ("a.us.csv", 4, "it is among the highs below the low"),
    ]


def test_too_many_odd_rows_are_refused_as_a_whole(odd, settings):
    settings("stocks", "refused_findings", ", ".join(FINDINGS))
    settings("lake", "max_refused", "0.1")

    with pytest.raises(CheckFailed, match="8 of 12 rows are refused, more than"):
        Day().make()


NAMES = [
    "b rk.us.csv", "it's.us.csv", 'say "x", y.us.csv', "größe-株.us.csv", "-f.us.csv", "a*.us.csv", "[a].us.csv",
    "nan.us.csv", "a?.us.csv", "#1%.us.csv", "no point",
]  # fmt: skip


def test_a_file_may_have_any_name(drop):
    for number, name in enumerate(NAMES):
        drop.put(name, f"2017-11-{number + 1:02},1,1,1,1,{number},0")
    drop.put("ab.us.csv", "2017-11-09,1,1,1,1,99,0")
    drop.list(*NAMES)
    day = Day()

    made = day.make()

    assert made.startswith(f"read {len(NAMES)}, wrote {len(NAMES)}, refused 0")
    assert [(row[8], row[5]) for row in day.rows] == [(n.split(".")[0], str(i)) for i, n in enumerate(NAMES)]


def test_there_may_be_more_than_a_thousand_files(drop):
    names = [f"{number:04}.us.csv" for number in reversed(range(1500))]
    for name in names:
        drop.put(name, "2017-11-09,1,1,1,1,1,0")
    drop.list(*names)
    day = Day()

    day.make()

    assert [row[8] for row in day.rows] == [name[:4] for name in names]


def test_a_list_without_one_file_that_is_there_is_no_day(drop):
    drop.list("a.us.csv", "../b.us.csv")

    with pytest.raises(CheckFailed, match="2 of 2 names on the list have no file"):
        Day().make()


def test_a_file_of_the_lake_with_other_columns_is_not_copied(drop, settings, postgres, database_url):
    postgres.create_tables("stocks/database.sql")
    settings("database", "url", database_url)
    task = HistoricalStocks(date=Day().task.date)
    attempt = lake().begin(HistoricalStockData.dataset, task.partition, "test")
    attempt.open("part-0000.csv").close()
    schema = {"company_name": "varchar", "stock_date": "date"}
    attempt.commit([File("part-0000.csv", 0, 0)], Counts(0, 0, 0), schema, (), "test")

    with pytest.raises(CheckFailed, match=r"has the columns company_name, stock_date, and sql/stocks/historical_s"):
        task.make()
