# ruff: noqa: F811 - fixtures
"""A range of a task's partitions, whatever its length, is asked about by a few questions."""

from __future__ import annotations

import datetime

import luigi
import pytest
from fixtures_calls import calls, given_metric_of, given_reviews_of  # noqa: F401
from luigi.tools.range import RangeDaily

from pipeline.core import luigi_settings, spans
from pipeline.core.periods import parse_range
from pipeline.core.spans import Span
from pipeline.user_behaviour import MovieReview, UserBehaviourMetric

FIRST = datetime.date(2010, 12, 1)
THREE, THREE_HUNDRED = "2010-12-01-2010-12-04", "2010-12-01-2011-09-27"


@pytest.mark.parametrize(
    ("kind", "given", "questions"),
    [(MovieReview, given_reviews_of, {"list": 2}), (UserBehaviourMetric, given_metric_of, {"query": 1})],
)
def test_a_range_of_any_length_takes_two_listings_or_one_query(calls, monkeypatch, kind, given, questions):
    monkeypatch.setattr(spans, "AT_ONCE", 100)
    given(FIRST)

    for interval in (THREE, THREE_HUNDRED):
        calls.clear()
        assert Span(kind, parse_range(interval)).complete() == {FIRST}
        assert calls == questions


class Sold(luigi.Task):
    """What a shop sold on a day, of which all of the shop is known at once."""

    shop = luigi.Parameter()
    date = luigi.DateParameter()

    def complete(self):
        raise AssertionError("it was asked by itself")

    @classmethod
    def bulk_complete(cls, days):
        return [day for day in days if cls(date=day).shop == "Leeds" and day == FIRST]


def test_what_a_task_knows_of_many_days_is_asked_with_its_other_parameters():
    leeds, york = (Span(Sold, parse_range(THREE), {"shop": shop}) for shop in ("Leeds", "York"))

    assert (leeds.complete(), york.complete()) == ({FIRST}, set())


def test_luigis_own_range_asks_of_more_than_a_hundred_days_as_few_questions(calls, settings):
    luigi_settings.set_defaults()
    days = [FIRST + datetime.timedelta(number) for number in range(300)]
    for day in days[::100]:
        given_reviews_of(day)
    calls.clear()

    due = RangeDaily(of=MovieReview, start=FIRST, stop=days[-1] + datetime.timedelta(1)).requires()

    assert len(due) == 297
    assert calls == {"list": 2}
