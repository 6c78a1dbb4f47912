"""A drop that lacks companies does not take the place of one that has them."""

# ruff: noqa: F811 - fixtures

from __future__ import annotations

import pytest
from fixtures_stocks import NEXT_DAY, loaded, stocks  # noqa: F401 - fixtures

LONG = [f"2017-{month:02}-{day:02},1,1,1,1,1,0" for month in range(1, 11) for day in range(1, 29)]


def put_all_but(stocks, missing: str) -> None:
    """Put files so long that one of them is below max_refused as a row, and a list with one that is not of them."""
    for name in "abc":
        stocks.drop.put(f"{name}.us.csv", *LONG)
    stocks.drop.put_text("other.us.csv", "Day,Price\r\n" + "2017-11-10,1\r\n" * 300)
    stocks.drop.put_text("empty.us.csv", "")
    stocks.drop.list(*(f"{name}.us.csv" for name in "abc"), missing)


@pytest.mark.parametrize("lost", ["gone.us.csv", "other.us.csv"])
def test_a_name_that_has_no_file_of_prices_is_a_company_and_no_row(loaded, lost):
    before = loaded.table()
    put_all_but(loaded, lost)

    done = loaded.run(NEXT_DAY)

    assert done.code == 30, done.output
    assert "1 of 4 names on the list have no file that can be read, more than [lake] max_refused = 0.01" in done.output
    assert loaded.table() == before
    assert list((loaded.project.folder / "lake/quarantine").rglob("refused.csv"))


def test_an_empty_file_is_a_row(loaded):
    put_all_but(loaded, "empty.us.csv")

    done = loaded.run(NEXT_DAY)

    assert done.code == 0, done.output
    assert "read 841, wrote 840, refused 1" in done.output
