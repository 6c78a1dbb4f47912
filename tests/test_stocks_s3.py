"""A day of stocks whose source and lake are in an S3 that fails now and then, with files of odd names."""

# ruff: noqa: F811 - fixtures

from __future__ import annotations

import csv

import pytest
from fixtures_s3 import REGION, new_bucket, proxy  # noqa: F401 - fixtures
from fixtures_stocks import stocks  # noqa: F401 - fixtures
from test_s3_pipeline import FAULTS, every_fourth_in_turn

from pipeline.core.store.s3 import S3Store

NAMES = [
    "b rk.us.csv",
    "it's.us.csv",
    'say "x", y.us.csv',
    "größe-株.us.csv",
    "-f.us.csv",
    "a*.us.csv",
    "[a]+%41.us.csv",
]


@pytest.fixture
def source(stocks, proxy) -> S3Store:
    """Return the folder in S3 that has the stocks' drop."""
    bucket = new_bucket(proxy.upstream)
    stocks.project.set("lake", root=f"{bucket}/lake", endpoint_url=proxy.endpoint, region=REGION)
    stocks.project.set("stocks", source=f"{bucket}/source")
    for number, name in enumerate(NAMES):
        stocks.drop.put(name, f"2017-11-{number + 1:02},10,12,9.5,11,{number},0")
    stocks.drop.list(*NAMES)
    store = S3Store(f"{bucket}/source", proxy.upstream, REGION)
    for folder in ("Stocks", "CompanyNames"):
        store.upload(stocks.drop.folder / folder, folder)
    return store


def test_a_day_is_made_once_on_an_s3_that_fails_at_every_fourth_request(stocks, source, proxy):
    proxy.spoil("", "", every_fourth_in_turn(FAULTS), times=10_000)

    done = stocks.run()

    assert done.code == 0, done.output
    assert stocks.table() == stocks.expected(*NAMES)
    published = source.read("Output/historical_stock_data.csv").data.decode()
    assert [row[8] for row in csv.reader(published.splitlines())] == [name.split(".")[0] for name in NAMES]
    assert stocks.told() == ["Success"]
    assert stocks.run().output.startswith("Nothing to do")


@pytest.mark.faults
def test_a_file_that_changed_in_s3_is_there_once_after_a_rerun(stocks, source):
    stocks.run()
    stocks.drop.put(NAMES[0], "2017-11-01,10,12,9.5,11,1000000,0")
    source.upload(stocks.drop.folder / "Stocks", "Stocks")
    asked = stocks.project.lakeshift("rerun", "pipeline.stocks.HistoricalStocks", "--date", "2017-11-10")

    done = stocks.run()

    assert (asked.code, done.code) == (0, 0), asked.output + done.output
    assert stocks.table("volume_traded")[:2] == [(1000000,), (1,)]
    assert b",1000000," in source.read("Output/historical_stock_data.csv").data
