"""A range of a task is made as a whole, and its receipt says what became of each partition."""

from __future__ import annotations

import datetime
import json
import shutil
from pathlib import Path

import luigi
import pytest
from backfill_tasks import (
    BAD,
    DayAfter,
    DayOfDropped,
    Plain,
    Small,
    SmallDay,
    SmallMonth,
    SmallSlot,
    Unplannable,
    Unset,
    given_bad,
    made,
)
from luigi.date_interval import Month
from luigi.util import requires

from pipeline import backfill
from pipeline.backfill import Backfill
from pipeline.core import run, windows
from pipeline.core.errors import PipelineError
from pipeline.core.lake import Partition, lake
from pipeline.core.summary import Summary

FIRST = datetime.date(2010, 12, 1)


@pytest.fixture(autouse=True)
def stores(settings, tmp_path, monkeypatch, spark_run):
    """Own stores, and a working folder, in which a test says what is bad."""
    settings("lake", "root", str(tmp_path / "lake"))
    settings("log", "file", str(tmp_path / "lakeshift.log"))
    settings("worker", "check_complete_on_run", "true")
    monkeypatch.setattr(run, "open_file", lambda path: None)
    monkeypatch.chdir(tmp_path)
    luigi.task.Register.clear_instance_cache()


def build(task, **options):
    return luigi.build([task], local_scheduler=True, detailed_summary=True, **options).worker


def receipt_of(task):
    """Return what the receipt of a backfill says, complete or not."""
    manifest = lake().state(task.dataset, task.partition).manifest
    with lake().open(manifest, "receipt.json") as file:
        return manifest.rows, json.load(file)


def failure(worker):
    [failed] = worker.summary.select("FAILED")
    return failed.text


def days(*numbers):
    return [f"2010-12-{number:02}" for number in numbers]


def test_a_receipt_says_what_became_of_each_partition():
    build(Backfill(of=SmallDay, range="2010-12-02-2010-12-04"))
    given_bad(*days(6))
    task = Backfill(of=SmallDay, range="2010-12-01-2010-12-08")

    build(task)
    rows, receipt = receipt_of(task)

    assert (rows.read, rows.written, rows.refused) == (7, 6, 1)
    counts = ("expected", "complete_before", "made", "made_elsewhere", "failed", "not_run")
    assert [receipt[name] for name in counts] == [7, 2, 4, 0, 1, 0]
    [window] = receipt["windows"]
    assert [window[name] for name in ("first", "last", "partitions", "made")] == ["2010-12-01", "2010-12-07", 5, 4]
    assert receipt["rows"] == {"stage/small_day": {"read": 8, "written": 4, "refused": 4}}
    assert (receipt["of"], receipt["range"]) == ("backfill_tasks.SmallDay", "2010-12-01-2010-12-08")


def test_failures_are_grouped_by_their_cause_with_an_example_and_the_line_that_redoes_them():
    given_bad(*days(2, 3, 5), cause="attempt 20101202T101500Z-1f3a5c7e read 1,234 of 99 rows")
    given_bad(*days(7), cause="the disk is full")
    task = Backfill(of=SmallDay, range=Month(2010, 12))

    text = failure(build(task))
    _, receipt = receipt_of(task)

    assert text.startswith(
        "4 failed, 2 causes: 3 such as SmallDay 2010-12-02: stage/small_day/insert_date=2010-12-02: "
    )
    again = "luigi --module pipeline.backfill Backfill --of backfill_tasks.SmallDay --range"
    assert f"(redo: {again} 2010-12-02-2010-12-06 --local-scheduler); 1 such as SmallDay 2010-12-07: " in text
    assert f"(redo: {again} 2010-12-07-2010-12-08 --local-scheduler)" in text
    assert [one["partitions"] for one in receipt["failures"]] == [days(2, 3, 5), days(7)]


def test_a_receipt_has_no_password():
    given_bad(*days(2), cause="postgresql://etl:hunter2@host/shop does not answer")
    task = Backfill(of=SmallDay, range="2010-12-01-2010-12-04")

    text = failure(build(task))

    assert "postgresql://etl:***@host/shop does not answer" in text
    assert "hunter2" not in json.dumps(receipt_of(task)[1])


def test_a_failure_of_what_a_partition_needs_is_its_cause():
    given_bad(*days(2))
    task = Backfill(of=DayAfter, range="2010-12-01-2010-12-04")

    text = failure(build(task))

    assert "1 failed, 1 cause: 1 such as SmallDay 2010-12-02: stage/small_day" in text
    assert [receipt_of(task)[1][name] for name in ("made", "failed", "not_run")] == [2, 1, 0]


def test_a_backfill_that_is_started_again_makes_what_is_missing():
    given_bad(*days(2))
    task = Backfill(of=SmallDay, range="2010-12-01-2010-12-04")
    build(task)
    is_complete, before = task.complete() or task.output().exists(), made()
    shutil.rmtree(BAD)

    build(task)

    assert (is_complete, before, made()[2:]) == (False, days(1, 3), days(2))
    assert task.complete() and task.output().exists()
    assert [receipt_of(task)[1][name] for name in ("complete_before", "made", "failed")] == [2, 1, 0]


def test_a_receipt_holds_only_as_long_as_all_partitions_do():
    task = Backfill(of=SmallDay, range="2010-12-01-2010-12-04")
    build(task)
    was_complete = task.complete()

    lake().request_rerun(SmallDay.dataset, Partition.of_date(FIRST))
    is_complete = task.complete()
    build(task)

    assert (was_complete, is_complete, task.complete()) == (True, False, True)
    assert receipt_of(task)[1]["made"] == 1


def test_the_latest_are_made_first_where_that_is_asked_for(monkeypatch):
    monkeypatch.setattr(windows, "PARTITIONS", 2)

    build(Backfill(of=SmallDay, range="2010-12-01-2010-12-06", reverse=True))

    assert made() == days(5, 4, 3, 2, 1)


@pytest.mark.parametrize(
    ("kind", "interval", "given", "first", "count"),
    [
        (SmallMonth, "2019", {"service": "yellow"}, "2019-01-yellow", 12),
        (SmallSlot, "2026-11-22T2300-2026-11-23T0000", {}, "2026-11-22T2300", 12),
    ],
)
def test_months_and_slots_are_made_as_days_are(kind, interval, given, first, count):
    task = Backfill(of=kind, range=interval, of_params=given)

    build(task)

    assert (made()[0], len(made()), task.complete()) == (first, count, True)


def test_what_a_task_is_beside_its_period_has_a_receipt_of_its_own():
    yellow, green = (
        Backfill(of=SmallMonth, range="2019", of_params={"service": service}) for service in ("yellow", "green")
    )

    build(yellow)
    build(green)

    assert [receipt_of(task)[1]["of_params"]["service"] for task in (yellow, green)] == ["yellow", "green"]


def test_tasks_of_stock_luigi_are_made_too():
    task = Backfill(of=Plain, range="2010-12")

    build(task)

    assert task.complete() and Plain(date=FIRST).complete()
    assert receipt_of(task)[1]["made"] == 31


def test_a_task_that_needs_a_backfill_is_made_after_it():
    @requires(Backfill)
    class Report(luigi.Task):
        def output(self):
            return luigi.LocalTarget("seen")

        def run(self):
            Path("seen").write_text(str(len(made())))

    build(Report(of=SmallDay, range="2010-12"), workers=2)

    assert Path("seen").read_text() == "31"


def test_the_windows_have_the_workers_of_the_run_and_are_carried_out_in_its_process(monkeypatch):
    seen = []
    monkeypatch.setattr(backfill, "carry_out", lambda tasks, plan, processes: seen.append(processes) or Summary())

    build(Backfill(of=SmallDay, range="2010-12"), workers=3)

    assert seen == [3]


def test_what_somebody_else_has_not_brought_is_a_cause():
    Path("dropped").mkdir()
    Path("dropped/2010-12-01").touch()

    text = failure(build(Backfill(of=DayOfDropped, range="2010-12-01-2010-12-04")))

    assert text.startswith("2 failed, 1 cause: 2 such as Dropped 2010-12-02: it is an external dependency, and is not")


def test_what_would_fail_by_one_cause_is_not_tried_to_the_end(monkeypatch):
    monkeypatch.setattr(windows, "PARTITIONS", 2)
    given_bad(*days(*range(2, 32)))
    task = Backfill(of=SmallDay, range="2010-12")

    text = failure(build(task))

    assert text.startswith("8 failed, 22 not run, 1 cause: 8 such as SmallDay 2010-12-02: ")
    assert "It ended early, since nothing more was made: SmallDay 2010-12-31: stage/small_day" in text
    assert receipt_of(task)[1]["partitions_not_run"][0] == "2010-12-09"


@pytest.mark.parametrize("reverse", [False, True])
def test_days_that_fail_at_one_end_keep_none_back_at_the_other(monkeypatch, reverse):
    monkeypatch.setattr(windows, "PARTITIONS", 2)
    given_bad(*days(*(range(12, 32) if reverse else range(1, 21))))

    text = failure(build(Backfill(of=SmallDay, range="2010-12", reverse=reverse)))

    assert text.startswith("20 failed, 1 cause: ")
    assert len(made()) == 11


def test_a_setting_that_is_missing_ends_it_at_once(monkeypatch):
    monkeypatch.setattr(windows, "PARTITIONS", 2)

    text = failure(build(Backfill(of=Unset, range="2010-12")))

    assert text.startswith("2 failed, 29 not run, 1 cause: 2 such as Unset 2010-12-01: [small] feed is not set")


def test_a_window_that_cannot_be_carried_out_fails_alone(monkeypatch):
    monkeypatch.setattr(windows, "PARTITIONS", 2)
    carry_out = windows.WindowWorker.add

    def add(worker, task, *rest):
        if task.date == FIRST:
            raise OSError("no more processes")
        return carry_out(worker, task, *rest)

    monkeypatch.setattr(windows.WindowWorker, "add", add)
    task = Backfill(of=SmallDay, range="2010-12-01-2010-12-05")

    assert "2 failed, 1 cause: 2 such as SmallDay 2010-12-01: OSError: no more processes" in failure(build(task))
    assert receipt_of(task)[1]["made"] == 2


def test_what_cannot_be_asked_about_leaves_no_receipt():
    task = Backfill(of=Unplannable, range="2010-12")

    assert "nobody knows" in failure(build(task))
    assert lake().state(task.dataset, task.partition).manifest is None


def test_the_visualiser_shows_how_far_it_has_come(monkeypatch):
    monkeypatch.setattr(windows, "PARTITIONS", 2)
    given_bad(*days(3))
    shown = []
    monkeypatch.setattr(Backfill, "report", lambda task, message: shown.append(message.splitlines()))
    task = Backfill(of=SmallDay, range="2010-12-01-2010-12-05")

    worker = build(task)

    [seen] = [one for one in worker._scheduler.task_list("", "").values() if one["name"] == "Backfill"]
    assert seen["progress_percentage"] == 100
    assert [message[0].partition(";")[0] for message in shown] == ["2 made, 2 left", "3 made, 1 failed, 0 left"]
    assert shown[1][1].startswith("1 failed such as SmallDay 2010-12-03: ")


def test_the_last_days_are_fixed_before_the_task_is_made():
    task = Backfill(of=SmallDay, last="7d")

    today = datetime.datetime.now(datetime.timezone.utc).date()
    assert str(task.range) == f"{today - datetime.timedelta(7)}-{today}"
    assert str(task.range) in str(task.partition) and task.last == ""
    assert task == Backfill(of=SmallDay, range=str(task.range))
    assert luigi.task_register.load_task("pipeline.backfill", "Backfill", task.to_str_params()) == task


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"range": "2010-13"}, "The range 2010-13 cannot be read"),
        ({"range": "2010-12-01-2010-12-01"}, "holds no day"),
        ({"range": "2010", "last": "7d"}, "say --range, such as .*, or else --last"),
        ({}, "say --range, such as .*, or else --last"),
        ({"of": "NoSuch", "range": "2010"}, "There is no task NoSuch"),
        ({"of": Small, "range": "2010"}, "has no parameter that says a day"),
        ({"of": SmallMonth, "range": "2010"}, "SmallMonth takes service too: give it as JSON, with "),
        ({"range": "2010", "of_params": {"colour": "red"}}, "SmallDay has no parameter colour. There are: date"),
    ],
)
def test_what_makes_no_backfill_is_refused_in_a_line(options, said):
    with pytest.raises(PipelineError, match=said):
        Backfill(**({"of": SmallDay} | options))
