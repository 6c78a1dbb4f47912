"""`lakeshift watch stocks` makes the table when a marker comes, on this machine or in S3."""

from __future__ import annotations

import pytest
from fixtures_s3 import REGION, new_bucket
from stock_drop import Drop

from pipeline.core.store import open_store

DAY = "2017-11-10"


@pytest.fixture(params=[pytest.param("folder", marks=pytest.mark.faults), "s3"])
def monitored(request, project):
    """The store in which markers are looked for."""
    place = str(project.folder / "monitored")
    if request.param == "s3":
        endpoint = request.getfixturevalue("ministack")
        place = f"{new_bucket(endpoint)}/stocks"
        project.set("lake", endpoint_url=endpoint, region=REGION)
    project.set("stocks", source="stocks", monitored=place)
    with project.in_force():
        yield open_store(place, "[stocks] monitored")


def test_a_marker_makes_the_table_and_its_day_is_claimed_for_good(project, monitored):
    project.given_tables()
    drop = Drop(project.folder / "stocks")
    drop.put("a.us.csv", "2017-11-10,1,1,1,1,5,0")
    drop.list("a.us.csv")
    monitored.create(f"{DAY}.SUCCESS", b"")

    done = project.lakeshift("watch", "stocks", "--once", "--local-scheduler")

    assert done.code == 0, done.output
    assert project.database_query("SELECT volume_traded FROM public.historical_stocks_data") == [(5,)]
    assert f"{DAY}.SUCCESS: HistoricalStocks of {DAY} is there" in done.lines
    assert b'"ended_at": "20' in monitored.read(f"_claims/stocks/{DAY}.json").data
