"""A published file that is not that of the newest partition is found."""

from __future__ import annotations

import os

import pytest
from fixtures_audit import STOCK_DAY, of

from pipeline.stocks import PublishedStockData


@pytest.fixture
def copy(world):
    return world.folder / "stocks/Output/historical_stock_data.csv"


def found(world, copy):
    return world.found() == [("published", str(copy), str(of(STOCK_DAY)))]


def test_a_file_that_is_gone_is_found(world, copy):
    copy.unlink()

    assert found(world, copy)


def test_a_file_of_which_nothing_is_said_is_found(world, copy):
    copy.with_name(f"{copy.name}.json").unlink()

    assert found(world, copy)


@pytest.mark.parametrize("text", ["{", "[]"])
def test_a_label_that_cannot_be_read_is_found(world, copy, text):
    copy.with_name(f"{copy.name}.json").write_text(text)

    assert found(world, copy)


def test_a_file_that_somebody_wrote_over_is_found(world, copy):
    copy.write_text("other")

    assert found(world, copy)
    assert "bytes" in world.audit().out


def test_a_file_with_another_byte_is_found_and_mended_as_it_is_said(world, copy):
    data, times = copy.read_bytes(), copy.stat()
    copy.write_bytes(data[:-2] + b"X\n")
    os.utime(copy, ns=(times.st_atime_ns, times.st_mtime_ns))

    assert found(world, copy)

    copy.with_name(f"{copy.name}.json").unlink()
    PublishedStockData(date=STOCK_DAY).run()
    assert world.found(code=0) == []
    assert copy.read_bytes() == data
