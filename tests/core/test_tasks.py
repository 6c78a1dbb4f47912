# ruff: noqa: F811 - fixtures
"""The kinds of task, where the commands of the pipeline's tests do not reach."""

from __future__ import annotations

import datetime
import functools
from pathlib import Path

import luigi
import pytest
from fixtures_calls import calls, given, given_metric_of, given_reviews_of  # noqa: F401
from luigi.tools.range import RangeDaily

from pipeline.core.lake import Partition, lake
from pipeline.core.warehouse import external, partitions, warehouse
from pipeline.user_behaviour import MovieReview, UserBehaviourMetric, UserPurchase, UserPurchasePartition

DAYS = [datetime.date(2010, 12, 1) + datetime.timedelta(days) for days in range(300)]


def test_a_range_of_a_dataset_is_known_by_two_listings(calls):
    given_reviews_of(DAYS[7])
    calls.clear()

    complete = MovieReview.bulk_complete.__func__(functools.partial(MovieReview), iter(DAYS))

    assert complete == [DAYS[7]]
    assert calls == {"list": 2}


def test_a_range_of_a_table_is_known_by_one_query(calls):
    given_metric_of(DAYS[7])
    calls.clear()

    complete = UserBehaviourMetric.bulk_complete.__func__(functools.partial(UserBehaviourMetric), iter(DAYS))

    assert complete == [DAYS[7]]
    assert calls == {"query": 1}


def test_a_range_of_an_external_table_is_known_by_three_listings_and_one_query(calls):
    right, missing, elsewhere = DAYS[:3]
    places = {day: given(UserPurchase.dataset, day) for day in (right, missing, elsewhere)}
    table = UserPurchasePartition.table
    warehouse().set_external_partitions(
        table, {Partition.of_date(right): places[right], Partition.of_date(elsewhere): places[right]}
    )
    calls.clear()

    complete = UserPurchasePartition.bulk_complete.__func__(functools.partial(UserPurchasePartition), iter(DAYS))

    assert complete == [right]
    assert calls == {"list": 3, "query": 1}


@pytest.mark.usefixtures("calls")
def test_what_redshift_cuts_off_of_a_location_is_not_missed(monkeypatch):
    [day, *_] = DAYS
    shown = len(given(UserPurchase.dataset, day)) - 10
    monkeypatch.setattr(external, "LOCATION_SHOWN", shown)
    cut = partitions.LOCATIONS.replace("location\n", f"left(location, {shown})\n")
    monkeypatch.setattr(partitions, "LOCATIONS", cut)
    task = UserPurchasePartition(date=day)

    before, _ = task.complete(), task.make()

    assert (before, task.complete(), task.bulk_complete([day])) == (False, True, [day])


def run_range(settings, tmp_path, of, days):
    settings("log", "file", str(tmp_path / "lakeshift.log"))
    whole = RangeDaily(of=of, start=days[0], stop=days[-1] + datetime.timedelta(1), days_back=100_000)
    assert luigi.build([whole], local_scheduler=True, workers=1)


def test_a_range_that_is_due_is_planned_and_checked_by_a_few_questions(calls, settings, tmp_path, spark_run):
    days = DAYS[:45]
    for day in days:
        given(UserPurchase.dataset, day)
    calls.clear()

    run_range(settings, tmp_path, UserPurchasePartition, days)

    assert UserPurchasePartition.bulk_complete(days) == days
    assert max(calls.values()) <= 40, calls


def test_what_a_task_made_itself_is_looked_at_afresh(calls, settings, tmp_path, spark_run):
    days = DAYS[:3]
    for day in days:
        given(UserPurchase.dataset, day)
    made = []

    class Forgetful(UserPurchasePartition):
        table = UserPurchasePartition.table

        def make(self):
            made.append(self.date)
            return "nothing"

    settings("log", "file", str(tmp_path / "lakeshift.log"))
    settings("worker", "check_complete_on_run", "true")

    assert not luigi.build([Forgetful(date=day) for day in days], local_scheduler=True, workers=1)
    assert made


def test_until_a_replaced_partition_is_moved_readers_find_the_old_files(calls):
    day = DAYS[0]
    task = UserPurchasePartition(date=day)
    old = given(UserPurchase.dataset, day)
    task.make()
    lake().request_rerun(UserPurchase.dataset, task.partition)
    new = given(UserPurchase.dataset, day)

    before = warehouse().external_location(task.table, task.partition), (Path(old) / "part-0000.csv").exists()
    task.make()

    assert before == (old, True)
    assert warehouse().external_location(task.table, task.partition) == new
