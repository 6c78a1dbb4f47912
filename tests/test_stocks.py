"""The stocks pipeline as its user runs it: a folder of price files becomes one table and one published file."""

# ruff: noqa: F811 - fixtures

from __future__ import annotations

import csv

import pytest
from fixtures_stocks import DAY, NEXT_DAY, stocks  # noqa: F401 - fixtures


def refused(stocks):
    [quarantined] = (stocks.project.folder / "lake/quarantine").rglob("refused.csv")
    rows = csv.DictReader(quarantined.read_text().splitlines())
    return [(row["file"], int(row["line"]), row["reason"]) for row in rows]


def test_a_folder_becomes_a_table_and_a_published_file(stocks):
    stocks.drop.put("b.us.csv", "2017-11-09,10,12,9.5,11,100,0", "2017-11-10,11,11,11,11,50,0")
    stocks.drop.put("a.us.csv", "2017-11-09,0,1,0,0.5,7,0")
    stocks.drop.put("nobody.us.csv", "2017-11-09,1,1,1,1,1,0")
    stocks.drop.list("b.us.csv", "a.us.csv")

    done = stocks.run()

    assert done.code == 0, done.output
    assert stocks.table() == stocks.expected("b.us.csv", "a.us.csv")
    assert "read 3, wrote 3, refused 0; kept 1 prices of 0" in done.output
    assert stocks.project.disagreements() == []
    assert next(csv.reader([stocks.drop.published.read_text().splitlines()[-1]])) == [
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


def test_the_same_day_again_does_nothing(stocks):
    stocks.drop.put("a.us.csv", "2017-11-09,1,1,1,1,1,0")
    stocks.drop.list("a.us.csv")
    stocks.run()

    assert stocks.run().output.startswith("Nothing to do")


def test_the_next_day_replaces_all_of_it_and_an_earlier_one_is_refused(stocks):
    stocks.drop.put("a.us.csv", "2017-11-10,1,1,1,1,1,0")
    stocks.drop.list("a.us.csv")
    stocks.run(NEXT_DAY)
    stocks.drop.put("a.us.csv", "2017-11-09,2,2,2,2,2,0")

    done = stocks.run(DAY)

    assert done.code == 30
    assert "what is loaded is of insert_date=2017-11-11, which is later" in done.output
    assert stocks.table("volume_traded") == [(1,)]
    assert stocks.drop.published.read_text().startswith("2017-11-10")


@pytest.mark.faults
def test_a_rerun_of_a_day_before_the_one_that_is_loaded_is_refused_and_asks_for_nothing(stocks):
    stocks.drop.put("a.us.csv", "2017-11-10,1,1,1,1,1,0")
    stocks.drop.list("a.us.csv")
    stocks.run(DAY)
    stocks.drop.put("a.us.csv", "2017-11-11,22,22,22,22,22,0")
    stocks.run(NEXT_DAY)

    asked = stocks.project.lakeshift("rerun", "HistoricalStocks", "--date", DAY)

    assert asked.code == 1
    assert "what is loaded is of insert_date=2017-11-11, which is later" in asked.output
    assert stocks.run(DAY).output.startswith("Nothing to do")


def test_what_does_not_fit_is_refused_with_its_file_line_and_reason(stocks):
    lines = [f"2017-{month:02}-{day:02},1,1,1,1,1,0" for month in range(1, 11) for day in range(1, 29)]
    stocks.drop.put("a.us.csv", *lines, "2017-11-09,x,1,1,1,1,0")
    stocks.drop.put_text("empty.us.csv", "")
    stocks.drop.list("a.us.csv", "empty.us.csv")

    done = stocks.run()

    assert "read 282, wrote 280, refused 2" in done.output, done.output
    assert refused(stocks) == [
        ("empty.us.csv", 1, "the file is empty"),
        ("a.us.csv", 282, "its Open 'x' is no number of 12 digits and 6 after the point"),
    ]


def test_a_file_that_changed_is_there_once_after_a_rerun(stocks):
    stocks.drop.put("a.us.csv", "2017-11-09,1,1,1,1,1,0")
    stocks.drop.list("a.us.csv")
    stocks.run()
    stocks.drop.put("a.us.csv", "2017-11-09,1,1,1,1,2,0")

    asked = stocks.project.lakeshift("rerun", "pipeline.stocks.HistoricalStocks", "--date", DAY)
    before = stocks.table("volume_traded")
    done = stocks.run()

    assert asked.lines[:2] == [
        "The source of HistoricalStockData has changed since it was read",
        f"stage/historical_stock_data/insert_date={DAY} will be made again",
    ]
    assert (before, stocks.table("volume_traded")) == ([(1,)], [(2,)])
    assert done.code == 0, done.output
    assert ",2," in stocks.drop.published.read_text()
