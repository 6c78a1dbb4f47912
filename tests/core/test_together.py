"""Tasks of several days that are ready at once are run as one, and told of one by one."""

from __future__ import annotations

import datetime
import time

import luigi
import pytest
from luigi.execution_summary import LuigiStatusCode
from luigi.util import requires
from luigi.worker import DONE, FAILED, PENDING

from pipeline.core import run
from pipeline.core.errors import PipelineError, SourceUnavailable
from pipeline.core.lake import Counts, File, Partition, lake
from pipeline.core.tasks import PartitionTask
from pipeline.core.tasks.together import DaysParameter
from pipeline.core.warehouse import warehouse
from pipeline.core.warehouse.embedded.duck import DuckCursor, DuckWarehouse
from pipeline.user_behaviour import UserPurchase, UserPurchasePartition

DAYS = tuple(datetime.date(2010, 12, 1) + datetime.timedelta(days) for days in range(4))


@pytest.fixture(autouse=True)
def statements(settings, tmp_path, monkeypatch):
    """Own stores, and how many external partitions were set by each call."""
    settings("lake", "root", str(tmp_path / "lake"))
    settings("warehouse", "url", f"duckdb:{tmp_path}/warehouse.duckdb")
    monkeypatch.setattr(run, "open_file", lambda path: None)
    # A task knows how it ended, and Luigi gives out the one that it has made already.
    luigi.task.Register.clear_instance_cache()
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


@requires(UserPurchasePartition)
class Follower(PartitionTask):
    """What each day goes on with."""

    def complete(self):
        return self in followed

    def make(self):
        followed.append(self)
        return "followed"


followed: list[Follower] = []


def build(kind, days):
    return luigi.build([kind(date=day) for day in days], local_scheduler=True, detailed_summary=True)


def dates(result, status):
    return sorted(one.task.date for one in result.worker.summary.select(status))


def test_as_many_days_are_made_at_once_as_one_statement_takes(statements, monkeypatch):
    assert UserPurchasePartition.max_batch_size == 100
    monkeypatch.setattr(UserPurchasePartition, "max_batch_size", 3)
    given_purchases(*DAYS)

    result = build(UserPurchasePartition, DAYS)

    assert (result.status, dates(result, DONE)) == (LuigiStatusCode.SUCCESS, list(DAYS))
    assert statements == [3, 1]
    assert UserPurchasePartition.bulk_complete(DAYS) == list(DAYS)


def test_when_it_fails_each_day_is_told_and_the_next_run_makes_them(monkeypatch):
    given_purchases(*DAYS[:3])

    def refuse(*arguments):
        raise SourceUnavailable("the catalogue does not answer")

    with monkeypatch.context() as patch:
        patch.setattr(DuckWarehouse, "set_external_partitions", refuse)
        failed = build(UserPurchasePartition, DAYS[:3])
    done = build(UserPurchasePartition, DAYS[:3])

    assert dates(failed, FAILED) == dates(done, DONE) == list(DAYS[:3])
    assert {one.text for one in failed.worker.summary.select(FAILED)} == {"the catalogue does not answer"}


def failures(result):
    return {one.task.date: one.text for one in result.worker.summary.select(FAILED)}


def test_a_day_that_is_not_committed_is_named_and_keeps_no_other_from_it():
    given_purchases(DAYS[0])
    task = UserPurchasePartition(date=DAYS[:2])

    with pytest.raises(SourceUnavailable, match="stage/user_purchase insert_date=2010-12-02 is not in the lake"):
        task.make()

    assert not task.complete()
    assert UserPurchasePartition.bulk_complete(DAYS) == [DAYS[0]]


def test_a_day_that_is_refused_fails_alone_and_what_follows_of_the_others_is_made(monkeypatch):
    given_purchases(*DAYS)
    execute = DuckCursor.execute

    def refuse(cursor, sql, params=None):
        if sql.startswith("ALTER TABLE") and str(DAYS[1]) in sql:
            raise PipelineError("Access Denied")
        return execute(cursor, sql, params)

    monkeypatch.setattr(DuckCursor, "execute", refuse)
    result = build(Follower, DAYS)

    assert failures(result) == {DAYS[1]: "Access Denied"}
    assert [one.task.date for one in result.worker.summary.select(PENDING)] == [DAYS[1]]
    assert result.status == LuigiStatusCode.FAILED


def meddle(monkeypatch, meddling, before):
    """Have something done once, before or after the partitions are set for the first time."""
    set_all, calls = DuckWarehouse.set_external_partitions, []

    def meddled(warehouse, table, locations):
        calls.append(dict(locations))
        if before and len(calls) == 1:
            meddling()
        set_all(warehouse, table, locations)
        if not before and len(calls) == 1:
            meddling()

    monkeypatch.setattr(DuckWarehouse, "set_external_partitions", meddled)
    return calls


@pytest.mark.parametrize("before", [True, False])
def test_a_day_that_is_asked_for_again_meanwhile_fails_alone(monkeypatch, before):
    given_purchases(*DAYS)
    meddle(monkeypatch, lambda: lake().request_rerun(UserPurchase.dataset, Partition.of_date(DAYS[2])), before)

    result = build(UserPurchasePartition, DAYS)

    assert list(failures(result)) == [DAYS[2]]
    assert "insert_date=2010-12-03 is to be replaced" in failures(result)[DAYS[2]]
    assert dates(result, DONE) == [DAYS[0], DAYS[1], DAYS[3]]


def test_a_day_that_is_asked_for_again_afterwards_does_not_undo_what_is_done():
    given_purchases(*DAYS)
    task = UserPurchasePartition(date=DAYS)
    task.run()

    lake().request_rerun(UserPurchase.dataset, Partition.of_date(DAYS[2]))

    assert task.complete()
    assert UserPurchasePartition.bulk_complete(DAYS) == [DAYS[0], DAYS[1], DAYS[3]]


@pytest.mark.parametrize("count", [1, 3])
def test_who_wakes_up_late_leaves_no_older_location_behind(monkeypatch, count):
    given_purchases(*DAYS[:count])

    def replace_and_set():
        lake().request_rerun(UserPurchase.dataset, Partition.of_date(DAYS[0]))
        given_purchases(DAYS[0])
        UserPurchasePartition(date=DAYS[0]).make()

    meddle(monkeypatch, replace_and_set, before=True)
    result = build(UserPurchasePartition, DAYS[:count])

    assert dates(result, DONE) == list(DAYS[:count])
    assert UserPurchasePartition.bulk_complete(DAYS) == list(DAYS[:count])


def test_a_day_that_never_comes_to_rest_is_given_up(monkeypatch):
    given_purchases(*DAYS[:2])
    set_all, sets = DuckWarehouse.set_external_partitions, []

    def replacing(warehouse, table, locations):
        sets.append(len(locations))
        set_all(warehouse, table, locations)
        lake().request_rerun(UserPurchase.dataset, Partition.of_date(DAYS[0]))
        given_purchases(DAYS[0])

    monkeypatch.setattr(DuckWarehouse, "set_external_partitions", replacing)
    result = build(UserPurchasePartition, DAYS[:2])

    assert sets == [2, 1, 1, 1, 1]
    assert "user_purchase_staging insert_date=2010-12-01 was replaced 5 times" in failures(result)[DAYS[0]]
    assert dates(result, DONE) == [DAYS[1]]


def test_a_day_made_with_others_is_told_of_as_one_made_alone():
    given_purchases(*DAYS)

    alone, together = build(UserPurchasePartition, DAYS[:1]), build(UserPurchasePartition, DAYS[1:])

    made = alone.worker.summary.select(DONE) + together.worker.summary.select(DONE)
    attempts = {lake().manifest(UserPurchase.dataset, Partition.of_date(day)).attempt: day for day in DAYS}
    assert {one.text: one.task.date for one in made} == {f"points at attempt {id}": day for id, day in attempts.items()}


def test_the_days_share_the_seconds_that_they_took_together(monkeypatch):
    given_purchases(*DAYS)
    meddle(monkeypatch, lambda: time.sleep(0.6), before=True)

    result = build(UserPurchasePartition, DAYS)

    assert all(0.15 <= one.seconds < 0.6 for one in result.worker.summary.select(DONE))


class OtherPartition(UserPurchasePartition):
    """One of two kinds of the same day."""

    service = luigi.Parameter()

    @property
    def table(self):
        return {"green": UserPurchasePartition.table, "yellow": "spectrum.classified_movie_review"}[self.service]


def test_what_a_task_is_beside_its_day_holds_for_each_day():
    given_purchases(*DAYS)
    tasks = [OtherPartition(date=day, service="yellow") for day in DAYS]

    result = luigi.build(tasks, local_scheduler=True, detailed_summary=True)
    luigi.task.Register.clear_instance_cache()
    together = OtherPartition(date=DAYS, service="yellow")

    assert dates(result, DONE) == list(DAYS)
    assert len(warehouse().external_partitions("spectrum.classified_movie_review")) == 4
    assert together.each() == tasks and together.complete()
    assert not OtherPartition(date=DAYS, service="green").complete()


def test_several_days_require_what_each_requires():
    task = UserPurchasePartition(date=DAYS[:2])

    assert task.deps() == [UserPurchase(date=DAYS[0]), UserPurchase(date=DAYS[1])]
    assert UserPurchasePartition(date=DAYS[0]).requires() == UserPurchase(date=DAYS[0])


@pytest.mark.parametrize("text", ["2010-12-01", "2010-12-01+2010-12-02"])
def test_days_are_read_as_they_are_written(text):
    parameter = DaysParameter()

    assert parameter.serialize(parameter.parse(text)) == text
