"""A range of time as the partitions of a task: its days, months or slots."""

from __future__ import annotations

import datetime

import luigi
import pytest

from pipeline.core.errors import PipelineError
from pipeline.core.periods import parse_range, period_of
from pipeline.stocks import HistoricalStocks
from pipeline.user_behaviour import UserBehaviourMetric

NOON = datetime.datetime(2026, 12, 1, 12, 3, tzinfo=datetime.timezone.utc)


class Daily(luigi.Task):
    day = luigi.DateParameter()
    since = luigi.DateParameter(default=datetime.date(2000, 1, 1))


class Monthly(luigi.Task):
    service = luigi.Parameter()
    month = luigi.MonthParameter()


class Slot(luigi.Task):
    minute = luigi.DateMinuteParameter(interval=5)


class Hourly(luigi.Task):
    hour = luigi.DateHourParameter()


class Twofold(luigi.Task):
    start = luigi.DateParameter()
    stop = luigi.DateParameter()


class Timeless(luigi.Task):
    name = luigi.Parameter()


def texts(kind, written):
    period = period_of(kind)
    return [period.text(value) for value in period.values(parse_range(written))]


@pytest.mark.parametrize(
    ("kind", "written", "count", "first", "last"),
    [
        (Daily, "2010-12-01-2011-12-10", 374, "2010-12-01", "2011-12-09"),
        (Daily, "2010-12", 31, "2010-12-01", "2010-12-31"),
        (Daily, "2010-W48", 7, "2010-11-29", "2010-12-05"),
        (Daily, "2010-12-01", 1, "2010-12-01", "2010-12-01"),
        (Monthly, "2019", 12, "2019-01", "2019-12"),
        (Slot, "2026-11-22", 288, "2026-11-22T0000", "2026-11-22T2355"),
        (Hourly, "2026-12-01T0200-2026-12-01T1400", 12, "2026-12-01T02", "2026-12-01T13"),
    ],
)
def test_a_range_is_counted_as_the_parameter_of_the_task_does(kind, written, count, first, last):
    found = texts(kind, written)

    assert (len(found), found[0], found[-1]) == (count, first, last)


def test_a_partition_has_the_task_that_its_value_names():
    period = period_of(Monthly)

    task = period.task(datetime.date(2019, 3, 1), {"service": "yellow"})

    assert task == Monthly(service="yellow", month=datetime.date(2019, 3, 1))
    assert (period.unit, period_of(Slot).unit, period_of(Daily).unit) == ("month", "5-minute slot", "day")


@pytest.mark.parametrize(
    "written", ["2010-13", "december", "2010-12-01-", "2010-02-30", "2026-12-01T9900-2026-12-02T0000"]
)
def test_a_malformed_range_is_refused_with_how_it_is_written(written):
    with pytest.raises(PipelineError, match=f"The range {written} cannot be read: write a month"):
        parse_range(written)


@pytest.mark.parametrize("written", ["2010-12-01-2010-12-01", "2010-12-02-2010-12-01"])
def test_a_range_without_a_day_is_refused(written):
    with pytest.raises(PipelineError, match="holds no day: its second date is the day after the last"):
        parse_range(written)


@pytest.mark.parametrize(
    ("kind", "written", "instead"),
    [
        (Monthly, "2019-01-15-2019-03-01", "2019-01-01-2019-03-01"),
        (Monthly, "2019-01-01-2019-03-10", "2019-01-01-2019-04-01"),
        (Daily, "2026-12-01T0200-2026-12-02T0000", "2026-12-01-2026-12-02"),
    ],
)
def test_a_range_that_cuts_a_partition_is_refused_with_one_that_does_not(kind, written, instead):
    with pytest.raises(PipelineError, match=f"begins or ends within a .*: write {instead}"):
        texts(kind, written)


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        (Timeless, "Timeless has no parameter that says a day, a month or a slot"),
        (Twofold, "Twofold counts by start and stop: give all but one by --of-params"),
    ],
)
def test_a_task_that_does_not_count_by_one_parameter_is_refused(kind, said):
    with pytest.raises(PipelineError, match=said):
        period_of(kind)


def test_a_parameter_that_is_given_counts_nothing():
    assert period_of(Twofold, given=["stop"]).name == "start"


@pytest.mark.parametrize(
    ("kind", "text", "fixed"),
    [
        (Daily, "7d", "2026-11-24-2026-12-01"),
        (Daily, "2w", "2026-11-17-2026-12-01"),
        (Monthly, "3m", "2026-09-01-2026-12-01"),
        (Hourly, "12h", "2026-12-01T0000-2026-12-01T1200"),
        (Slot, "1h", "2026-12-01T1100-2026-12-01T1200"),
    ],
)
def test_the_last_days_are_those_that_have_ended(kind, text, fixed):
    found = period_of(kind).last(text, NOON, {"service": "yellow"} if kind is Monthly else None)

    assert str(found) == fixed
    assert str(parse_range(str(found))) == fixed


@pytest.mark.parametrize(
    ("kind", "hour", "last"),
    [
        # A shop in London, whose day has begun at 23:30 UTC in summer time.
        (UserBehaviourMetric, 23, "2026-06-30"),
        (UserBehaviourMetric, 22, "2026-06-29"),
        # An exchange in New York, which closes at 20:00 UTC then.
        (HistoricalStocks, 20, "2026-06-30"),
        (HistoricalStocks, 19, "2026-06-29"),
    ],
)
def test_a_day_ends_where_the_sources_of_the_task_say(kind, hour, last):
    period = period_of(kind)
    now = datetime.datetime(2026, 6, 30, hour, 30, tzinfo=datetime.timezone.utc)

    assert period.text(period.values(period.last("1d", now))[-1]) == last


@pytest.mark.parametrize(("kind", "text"), [(Daily, "12h"), (Monthly, "7d"), (Daily, "0d")])
def test_so_little_time_that_no_partition_is_whole_is_refused(kind, text):
    with pytest.raises(PipelineError, match=f"The last {text} of .* holds no whole"):
        period_of(kind).last(text, NOON, {"service": "yellow"} if kind is Monthly else None)


@pytest.mark.parametrize("text", ["7", "d", "7 days", "-7d"])
def test_what_says_no_time_is_refused(text):
    with pytest.raises(PipelineError, match="cannot be read: write a number and h, d, w, m or y"):
        period_of(Daily).last(text, NOON)
