from __future__ import annotations

from datetime import date, datetime, time, timezone
from zoneinfo import ZoneInfo

import pytest

from pipeline.core.markers import claim_path, day_of, is_marker, last_ended

NEW_YORK = ZoneInfo("America/New_York")
CLOSES = time(16)
# 11:00 and 17:00 in New York, of the same Friday.
MORNING = datetime(2017, 11, 10, 16, tzinfo=timezone.utc)
EVENING = datetime(2017, 11, 10, 22, tzinfo=timezone.utc)


def marked_day(key: str, written_at: datetime = EVENING) -> date | None:
    return day_of(key, written_at, NEW_YORK, CLOSES)


@pytest.mark.parametrize(
    "key",
    [
        "2017-11-10.SUCCESS",
        "2017-11-10/.SUCCESS",
        "drops/2017-11-09/stocks_2017-11-10T1800.SUCCESS",
    ],
)
def test_a_marker_stands_for_the_last_date_in_its_key(key):
    assert marked_day(key) == date(2017, 11, 10)


def test_a_marker_without_a_date_stands_for_the_last_day_that_had_ended_when_it_was_written():
    assert marked_day(".SUCCESS", MORNING) == date(2017, 11, 9)
    assert marked_day(".SUCCESS", EVENING) == date(2017, 11, 10)


def test_longer_numbers_are_no_dates():
    assert marked_day("12017-11-09.SUCCESS") == marked_day("2017-11-091.SUCCESS") == date(2017, 11, 10)


def test_a_marker_of_a_day_that_no_calendar_has_stands_for_none():
    assert is_marker("2017-02-30.SUCCESS")
    assert marked_day("2017-02-30.SUCCESS") is None


@pytest.mark.parametrize("key", ["a.csv", "2017-11-10.success", "_claims/stocks/x.SUCCESS", "in/_claims/x.SUCCESS"])
def test_other_keys_and_those_of_claims_are_no_markers(key):
    assert not is_marker(key)
    assert marked_day(key) is None


def test_a_day_ends_when_the_exchange_closes():
    just_before, then = datetime(2017, 11, 10, 20, 59, 59), datetime(2017, 11, 10, 21)

    ends = [last_ended(now.replace(tzinfo=timezone.utc), NEW_YORK, CLOSES) for now in (just_before, then)]

    assert ends == [date(2017, 11, 9), date(2017, 11, 10)]


def test_a_claim_lies_by_its_pipeline_and_day():
    assert claim_path("stocks", date(2017, 11, 10)) == "_claims/stocks/2017-11-10.json"
