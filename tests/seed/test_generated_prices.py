"""Generated prices look as published ones do, with their oddities."""

from __future__ import annotations

import csv
import io
from datetime import date
from itertools import pairwise

from pipeline.seed.generated_prices import generated_files, trading_days

FILES = dict(generated_files(50))


def rows_of(name: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(FILES[name].decode(), newline="")))


def test_the_same_files_come_each_time():
    assert dict(generated_files(50)) == FILES


def test_a_file_has_a_line_for_each_day_of_trade_until_the_last():
    rows = rows_of(next(iter(FILES)))

    days = [date.fromisoformat(row["Date"]) for row in rows]
    assert days == trading_days(len(days)) and days[-1] == date(2017, 11, 10)
    assert all(earlier < later and later.weekday() < 5 for earlier, later in pairwise(days))


def test_prices_lie_between_the_low_and_the_high_and_two_are_0():
    rows = [row for name in FILES for row in rows_of(name)]

    prices = [[float(row[name]) for name in ("Low", "Open", "Close", "High")] for row in rows]
    assert all(low <= min(ends) and max(ends) <= high for low, *ends, high in prices)
    assert sum(opened == 0 for _, opened, *_ in prices) == 2


def test_lines_end_as_on_windows_one_file_is_empty_and_some_names_have_a_dash():
    filled = [data for data in FILES.values() if data]

    assert all(data.count(b"\r\n") == data.count(b"\n") for data in filled)
    assert len(FILES) - len(filled) == 1
    assert any("-" in name for name in FILES)
