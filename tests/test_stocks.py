"""The stocks pipeline as its user runs it: a folder of price files becomes one table and one published file."""

from __future__ import annotations

import csv
import sys
from pathlib import Path

import pytest
from stock_drop import Drop, expected_rows

from pipeline.core.database import database

DAY, NEXT_DAY = "2017-11-10", "2017-11-11"
COLUMNS = (
    "stock_date::text, open_value, high_value, low_value, close_value, volume_traded, daily_percent_change, "
    "value_change, company_name"
)


@pytest.fixture
def drop(project) -> Drop:
    project.set("stocks", source="stocks")
    with project.in_force():
        database().migrate()
    return Drop(project.folder / "stocks")


def run(project, day=DAY):
    luigi = str(Path(sys.executable).with_name("luigi"))
    return project.run(luigi, "--module", "pipeline.stocks", "HistoricalStocks", "--date", day, "--local-scheduler")


def table(project, columns=COLUMNS):
    # In the order in which the rows were copied.
    return project.database_query(f"SELECT {columns} FROM public.historical_stocks_data ORDER BY ctid")


def refused(project):
    [quarantined] = (project.folder / "lake/quarantine").rglob("refused.csv")
    rows = csv.DictReader(quarantined.read_text().splitlines())
    return [(row["file"], int(row["line"]), row["reason"]) for row in rows]


def test_a_folder_becomes_a_table_and_a_published_file(project, drop):
    drop.put("b.us.csv", "2017-11-09,10,12,9.5,11,100,0", "2017-11-10,11,11,11,11,50,0")
    drop.put("a.us.csv", "2017-11-09,0,1,0,0.5,7,0")
    drop.put("nobody.us.csv", "2017-11-09,1,1,1,1,1,0")
    drop.list("b.us.csv", "a.us.csv")

    done = run(project)

    assert done.code == 0, done.output
    assert table(project) == list(expected_rows(drop.folder / "Stocks" / name for name in ("b.us.csv", "a.us.csv")))
    assert "read 3, wrote 3, refused 0; kept 1 prices of 0" in done.output
    assert next(csv.reader([drop.published.read_text().splitlines()[-1]])) == [
        "2017-11-09",
        "0.000000",
        "1.000000",
        "0.000000",
        "0.500000",
        "7",
        "",
        "0.500000",
        "a",
    ]


def test_the_same_day_again_does_nothing(project, drop):
    drop.put("a.us.csv", "2017-11-09,1,1,1,1,1,0")
    drop.list("a.us.csv")
    run(project)

    assert run(project).output.startswith("Nothing to do")


def test_the_next_day_replaces_all_of_it_and_an_earlier_one_is_refused(project, drop):
    drop.put("a.us.csv", "2017-11-10,1,1,1,1,1,0")
    drop.list("a.us.csv")
    run(project, NEXT_DAY)
    drop.put("a.us.csv", "2017-11-09,2,2,2,2,2,0")

    done = run(project, DAY)

    assert done.code == 30
    assert "what is loaded is of insert_date=2017-11-11, which is later" in done.output
    assert table(project, "volume_traded") == [(1,)]
    assert drop.published.read_text().startswith("2017-11-10")


@pytest.mark.faults
def test_a_rerun_of_a_day_before_the_one_that_is_loaded_is_refused_and_asks_for_nothing(project, drop):
    drop.put("a.us.csv", "2017-11-10,1,1,1,1,1,0")
    drop.list("a.us.csv")
    run(project, DAY)
    drop.put("a.us.csv", "2017-11-11,22,22,22,22,22,0")
    run(project, NEXT_DAY)

    asked = project.lakeshift("rerun", "HistoricalStocks", "--date", DAY)

    assert asked.code == 1
    assert "what is loaded is of insert_date=2017-11-11, which is later" in asked.output
    assert run(project, DAY).output.startswith("Nothing to do")


def test_what_does_not_fit_is_refused_with_its_file_line_and_reason(project, drop):
    lines = [f"2017-{month:02}-{day:02},1,1,1,1,1,0" for month in range(1, 11) for day in range(1, 29)]
    drop.put("a.us.csv", *lines, "2017-11-09,x,1,1,1,1,0")
    drop.put_text("empty.us.csv", "")
    drop.list("a.us.csv", "empty.us.csv")

    done = run(project)

    assert "read 282, wrote 280, refused 2" in done.output, done.output
    assert refused(project) == [
        ("empty.us.csv", 1, "the file is empty"),
        ("a.us.csv", 282, "its Open 'x' is no number of 12 digits and 6 after the point"),
    ]


def test_a_file_that_changed_is_there_once_after_a_rerun(project, drop):
    drop.put("a.us.csv", "2017-11-09,1,1,1,1,1,0")
    drop.list("a.us.csv")
    run(project)
    drop.put("a.us.csv", "2017-11-09,1,1,1,1,2,0")

    asked = project.lakeshift("rerun", "pipeline.stocks.HistoricalStocks", "--date", DAY)
    before = table(project, "volume_traded")
    done = run(project)

    assert asked.lines[:2] == [
        "The source of HistoricalStockData has changed since it was read",
        f"stage/historical_stock_data/insert_date={DAY} will be made again",
    ]
    assert (before, table(project, "volume_traded")) == ([(1,)], [(2,)])
    assert done.code == 0, done.output
    assert ",2," in drop.published.read_text()
