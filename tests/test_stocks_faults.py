"""Whatever goes wrong in a run of stocks, each run is told of once, and the table is the old one or the new one."""

from __future__ import annotations

import pytest
from fixtures_stocks import DAY, NEXT_DAY, stocks  # noqa: F401

OLD = ["2017-11-08,10,12,9.5,11,100,0", "2017-11-09,11,11,11,11,50,0"]
NEW = [*OLD, "2017-11-10,11.5,12,11,11.25,75,0"]
MOMENTS = [
    "before the manifest", "after the manifest", "before the published file", "before its label", "before the commit",
    "after the commit",
]  # fmt: skip


@pytest.fixture
def loaded(stocks):  # noqa: F811
    """Return stocks with an old day that is loaded, and lines for a new one."""
    stocks.drop.put("a.us.csv", *OLD)
    stocks.drop.list("a.us.csv")
    assert stocks.run(DAY).code == 0
    assert stocks.told() == ["Success"]
    stocks.drop.put("a.us.csv", *NEW)
    return stocks


@pytest.mark.parametrize(
    "moment", ["during the copy", *(pytest.param(moment, marks=pytest.mark.faults) for moment in MOMENTS)]
)
def test_a_run_that_was_killed_is_finished_by_the_same_line(loaded, moment):
    new = loaded.expected("a.us.csv")
    with loaded.held(moment, NEXT_DAY) as held:
        held.kill()
    between = loaded.table()

    done = loaded.run(NEXT_DAY)

    assert between == (new if moment == "after the commit" else new[:2])
    assert (done.code, loaded.table()) == (0, new), done.output
    assert len(loaded.drop.published.read_text().splitlines()) == 3
    assert loaded.told() == ["Failure", "Success"][: 1 if moment == "after the commit" else 2]


@pytest.mark.faults
def test_a_run_that_stood_still_before_it_published_leaves_what_a_later_one_did(loaded):
    with loaded.held("before the published file", NEXT_DAY) as held:
        # As long as it was.
        loaded.drop.put("a.us.csv", *NEW[:2], NEW[2].replace(",75,", ",99,"))
        asked = loaded.project.lakeshift("rerun", "pipeline.stocks.HistoricalStockData", "--date", NEXT_DAY)
        later = loaded.run(NEXT_DAY)

        done = held.go()

    assert (asked.code, later.code, done.code) == (0, 0, 0), asked.output + later.output + done.output
    assert loaded.drop.published.read_text().splitlines()[-1].split(",")[5] == "99"
    assert loaded.table("volume_traded") == [(100,), (50,), (99,)]
    assert loaded.told() == ["Success", "Success"]
