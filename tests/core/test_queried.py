"""Days of a table that SQL makes are loaded in one transaction, and one that is kept back keeps back no other."""

from __future__ import annotations

import luigi
import pytest
from fixtures_days import DAYS

from pipeline.core.errors import CheckFailed, CommitLost, SourceUnavailable
from pipeline.core.lake import Partition, lake
from pipeline.core.warehouse import warehouse
from pipeline.core.warehouse.embedded.duck import DuckCursor
from pipeline.user_behaviour import UserBehaviourMetric, UserPurchase, UserPurchasePartition

FIRST, SECOND, THIRD = DAYS[:3]
ROWS = "SELECT insert_date, amount_spent FROM public.user_behavior_metric ORDER BY 1"


@pytest.fixture
def ready(days):
    """Three days of which all but the metric is made: 3 are spent on the first, none on the second, 9 on the third."""
    luigi.task.Register.clear_instance_cache()
    days.given_purchases(FIRST, "1.00")
    days.given_purchases(THIRD, "3.00")
    days.make([FIRST, SECOND, THIRD], but=UserBehaviourMetric)
    return days


@pytest.fixture
def inserts(monkeypatch):
    """Each INSERT of metrics, by how many days it is for."""
    found, execute = [], DuckCursor.execute

    def noting(cursor, sql, params=None):
        if "INSERT INTO public.user_behavior_metric" in sql:
            found.append(len(params["insert_dates"]))
        return execute(cursor, sql, params)

    monkeypatch.setattr(DuckCursor, "execute", noting)
    return found


def load(*days):
    """Return how each day ended."""
    task = UserBehaviourMetric(date=days)
    return {one.date: end for one, end in task.make_together(task.each()).items()}


def spent():
    return {day: float(amount) for day, amount in warehouse().query(ROWS)}


def test_days_are_loaded_by_one_statement_and_marked_one_by_one(ready, inserts):
    ends = load(FIRST, SECOND, THIRD)

    assert [end.outcome for end in ends.values()] == [f"wrote {rows}; checks hold" for rows in (1, 0, 1)]
    assert (spent(), inserts) == ({FIRST: 3, THIRD: 9}, [3])
    rows = warehouse().query("SELECT partition_key, row_count, task_id FROM public.etl_load ORDER BY 1")
    tasks = [UserBehaviourMetric(date=day) for day in (FIRST, SECOND, THIRD)]
    assert rows == [(str(task.partition), number, task.task_id) for task, number in zip(tasks, (1, 0, 1), strict=True)]


def test_each_day_names_the_attempts_that_were_read(ready):
    load(FIRST, THIRD)

    days = [Partition.of_date(day) for day in (FIRST, THIRD)]
    read = warehouse().commits(UserBehaviourMetric.table, days)
    for day in days:
        assert lake().manifest(UserPurchase.dataset, day).attempt in [one.attempt for one in read[day].inputs]


def test_a_day_that_breaks_a_promise_fails_alone_with_it(ready, inserts):
    UserPurchase(date=SECOND).output().request_rerun()
    ready.given_purchases(SECOND, "-1.00")
    ready.make([SECOND], but=UserBehaviourMetric)

    ends = load(FIRST, SECOND, THIRD)

    assert isinstance(ends[SECOND], CheckFailed)
    assert "user_behavior_metric insert_date=2010-12-02: the amount is known, and not negative (1 row)" in str(
        ends[SECOND]
    )
    assert (spent(), inserts) == ({FIRST: 3, THIRD: 9}, [3, 2])
    assert UserBehaviourMetric.bulk_complete([FIRST, SECOND, THIRD]) == [FIRST, THIRD]


def test_a_day_whose_external_partition_lies_elsewhere_fails_alone(ready):
    elsewhere = lake().manifest(UserPurchase.dataset, Partition.of_date(FIRST)).location
    warehouse().set_external_partitions(UserPurchasePartition.table, {Partition.of_date(THIRD): elsewhere})

    ends = load(FIRST, SECOND, THIRD)

    assert isinstance(ends[THIRD], SourceUnavailable)
    assert f"user_purchase_staging points at {elsewhere}, not at the committed" in str(ends[THIRD])
    assert spent() == {FIRST: 3}


def test_a_day_whose_source_is_to_be_replaced_fails_alone(ready):
    UserPurchase(date=THIRD).output().request_rerun()

    ends = load(FIRST, SECOND, THIRD)

    assert isinstance(ends[THIRD], SourceUnavailable)
    assert "stage/user_purchase insert_date=2010-12-03 is to be replaced" in str(ends[THIRD])
    assert spent() == {FIRST: 3}


def test_a_day_that_is_loaded_already_is_left_as_it_is(ready, inserts):
    UserBehaviourMetric(date=FIRST).make()

    ends = load(FIRST, SECOND, THIRD)

    assert isinstance(ends[FIRST], CommitLost)
    assert (spent(), inserts) == ({FIRST: 3, THIRD: 9}, [1, 2])
