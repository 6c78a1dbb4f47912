"""What tasks are made of, however long the way there, and however many ways there are."""

from __future__ import annotations

import datetime

import luigi

from pipeline.core.graph import made_of, needs, requirements
from pipeline.core.periods import period_of
from pipeline.core.plans import plan

FIRST = datetime.date(2010, 1, 1)
STEP = datetime.timedelta(days=1)
NOON = datetime.datetime(2010, 3, 1, 12, tzinfo=datetime.timezone.utc)


class Opening(luigi.Task):
    """A stock at the beginning of a day."""

    date = luigi.DateParameter()

    def requires(self):
        return [Closing(date=self.date - STEP)] if self.date > FIRST else []

    def output(self):
        return luigi.LocalTarget("nowhere/opening")


class Closing(luigi.Task):
    """A stock at the end of a day, of what there was in the beginning, which it compares with the day before."""

    date = luigi.DateParameter()

    def requires(self):
        return [Opening(date=self.date), *([Closing(date=self.date - STEP)] if self.date > FIRST else [])]

    def output(self):
        return luigi.LocalTarget("nowhere/closing")


def after(days):
    return Closing(date=FIRST + days * STEP)


def test_years_of_days_that_each_need_the_day_before_are_told_first_to_last():
    found = list(requirements([after(3000)]))

    assert len(found) == 6002
    assert found[:4] == [Opening(date=FIRST), after(0), Opening(date=FIRST + STEP), after(1)]
    assert found[-1] == after(3000)


def test_each_task_comes_after_all_that_it_needs():
    found = list(requirements([after(5), after(9), after(3)]))

    assert all(found.index(one) < found.index(task) for task in found for one in task.deps())


def test_what_is_reached_by_many_ways_is_looked_at_once():
    # There are more ways from the last of these days to the first than a billion.
    last = after(45)

    assert needs(last, Opening(date=FIRST)) and not needs(last, after(46))
    assert made_of([after(44)], [last, after(2), after(44)]) == [after(44), last]
    assert len(plan([last]).due) == 92
    assert str(period_of(Closing).last("1d", NOON)) == "2010-02-28-2010-03-01"
