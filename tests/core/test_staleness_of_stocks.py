"""A table and a file that have only the last day: an earlier one is superseded, and not stale."""

from __future__ import annotations

import datetime

import pytest
from stock_drop import Drop

from pipeline.core.database import database
from pipeline.core.graph import requirements
from pipeline.core.plans import plan, request_refresh
from pipeline.core.staleness import Status, survey
from pipeline.stocks import HistoricalStockData, HistoricalStocks, PublishedStockData

FIRST, SECOND = datetime.date(2017, 11, 10), datetime.date(2017, 11, 11)
PRICES = "2017-11-08,10,12,9.5,11,100,0"


@pytest.fixture
def drop(settings, tmp_path, database_url, spark_run):
    """Two days that were loaded, the second of what came after the first."""
    settings("lake", "root", str(tmp_path / "lake"))
    settings("database", "url", database_url)
    settings("stocks", "source", str(tmp_path / "drop"))
    database().migrate()
    drop = Drop(tmp_path / "drop")
    drop.list("a.us.txt")
    drop.put("a.us.txt", PRICES)
    make(FIRST)
    drop.put("a.us.txt", PRICES, "2017-11-09,11,11,11,11,50,0")
    make(SECOND)
    return drop


def make(day):
    for task in requirements([HistoricalStocks(date=day)]):
        if not task.complete():
            task.make()


def statuses(day):
    return {node.task.task_family: node.status for node in survey([HistoricalStocks(date=day)]).values()}


@pytest.mark.usefixtures("drop")
def test_an_earlier_day_is_superseded_and_nothing_of_it_is_made_again():
    tasks = [HistoricalStocks(date=day) for day in (FIRST, SECOND)]

    earlier, last = statuses(FIRST), statuses(SECOND)

    assert earlier["HistoricalStocks"] == earlier["PublishedStockData"] == Status.SUPERSEDED
    assert set(last.values()) == {Status.COMPLETE}
    # What it was made of is no longer there, and nobody needs it.
    assert earlier["HistoricalStockData"] == Status.STALE
    assert HistoricalStockData(date=FIRST) not in plan(tasks, refresh=True).nodes
    assert request_refresh(tasks) == []


def test_a_last_day_whose_files_changed_is_stale_with_all_that_shows_it(drop):
    drop.put("a.us.txt", PRICES)

    asked = request_refresh([HistoricalStocks(date=day) for day in (FIRST, SECOND)])
    make(SECOND)

    assert [node.task for node in asked] == [HistoricalStockData(date=SECOND), HistoricalStocks(date=SECOND)]
    assert set(statuses(SECOND).values()) == {Status.COMPLETE}


@pytest.mark.parametrize("name", ["historical_stock_data.csv", "historical_stock_data.csv.json"])
def test_a_published_file_that_is_not_what_its_label_says_is_not_complete(drop, name):
    task = PublishedStockData(date=SECOND)
    drop.published.with_name(name).write_text("")

    [node] = (node for node in survey([task]).values() if node.task == task)

    assert (node.status, node.is_complete, task.complete()) == (Status.MISSING, False, False)
