"""Tasks of several days that are ready at once are run as one, and told of one by one."""

from __future__ import annotations

import datetime

import luigi
import pytest
from luigi.execution_summary import LuigiStatusCode
from luigi.worker import DONE, FAILED

from pipeline.core import run
from pipeline.core.errors import SourceUnavailable
from pipeline.core.lake import Counts, File, Partition, lake
from pipeline.core.tasks.together import DaysParameter
from pipeline.core.warehouse.duck import DuckWarehouse
from pipeline.user_behaviour import UserPurchase, UserPurchasePartition

DAYS = tuple(datetime.date(2010, 12, 1) + datetime.timedelta(days) for days in range(4))


@pytest.fixture(autouse=True)
def statements(settings, tmp_path, monkeypatch):
    """Own stores, and how many external partitions were set by each call."""
    settings("lake", "root", str(tmp_path / "lake"))
    settings("warehouse", "url", f"duckdb:{tmp_path}/warehouse.duckdb")
    monkeypatch.setattr(run, "open_file", lambda path: None)
    counts, set_all = [], DuckWarehouse.set_external_partitions

    def counting(warehouse, table, locations):
        counts.append(len(locations))
        set_all(warehouse, table, locations)

    monkeypatch.setattr(DuckWarehouse, "set_external_partitions", counting)
    return counts


def given_purchases(*days):
    for day in days:
        attempt = lake().begin(UserPurchase.dataset, Partition.of_date(day), "test")
        with attempt.open("part-0000.parquet") as file:
            file.write(b"PAR1")
        attempt.commit([File("part-0000.parquet", 4, 0)], Counts(0, 0, 0), {}, (), "test")


def build(days):
    tasks = [UserPurchasePartition(date=day) for day in days]
    return luigi.build(tasks, local_scheduler=True, detailed_summary=True)


def dates(result, status):
    return sorted(one.task.date for one in result.worker.summary.select(status))


def test_as_many_days_are_made_at_once_as_one_statement_takes(statements, monkeypatch):
    assert UserPurchasePartition.max_batch_size == 100
    monkeypatch.setattr(UserPurchasePartition, "max_batch_size", 3)
    given_purchases(*DAYS)

    result = build(DAYS)

    assert (result.status, dates(result, DONE)) == (LuigiStatusCode.SUCCESS, list(DAYS))
    assert statements == [3, 1]
    assert UserPurchasePartition.bulk_complete(DAYS) == list(DAYS)


def test_when_it_fails_each_day_is_told_and_the_next_run_makes_them(monkeypatch):
    given_purchases(*DAYS[:3])

    def refuse(*arguments):
        raise SourceUnavailable("the catalogue does not answer")

    with monkeypatch.context() as patch:
        patch.setattr(DuckWarehouse, "set_external_partitions", refuse)
        failed = build(DAYS[:3])
    done = build(DAYS[:3])

    assert dates(failed, FAILED) == dates(done, DONE) == list(DAYS[:3])
    assert {one.text for one in failed.worker.summary.select(FAILED)} == {"the catalogue does not answer"}


def test_a_day_that_is_not_committed_leaves_the_others_incomplete_and_is_named():
    given_purchases(DAYS[0])

    with pytest.raises(SourceUnavailable, match="stage/user_purchase insert_date=2010-12-02 is not in the lake"):
        UserPurchasePartition(date=DAYS[:2]).make()

    assert not UserPurchasePartition(date=DAYS[:2]).complete()


def test_several_days_require_what_each_requires():
    task = UserPurchasePartition(date=DAYS[:2])

    assert task.deps() == [UserPurchase(date=DAYS[0]), UserPurchase(date=DAYS[1])]
    assert UserPurchasePartition(date=DAYS[0]).requires() == UserPurchase(date=DAYS[0])


@pytest.mark.parametrize("text", ["2010-12-01", "2010-12-01+2010-12-02"])
def test_days_are_read_as_they_are_written(text):
    parameter = DaysParameter()

    assert parameter.serialize(parameter.parse(text)) == text
