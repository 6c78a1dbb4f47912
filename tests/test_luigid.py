"""Runs against Luigi's central scheduler: what failed, was stopped or is under way elsewhere does not block a day."""

from __future__ import annotations

import datetime
import signal

import pytest
from luigi.rpc import RemoteScheduler
from processes import wait_for_spark
from project import DAY, Project, luigi_command
from sample import DAY_ROWS, given_a_day

from pipeline.user_behaviour import UserPurchasePartition


@pytest.fixture
def command(luigid) -> list[str]:
    port = luigid.rpartition(":")[2]
    return luigi_command("UserBehaviourMetric", "--date", DAY, scheduler=("--scheduler-port", port))


def test_what_failed_is_done_by_the_same_command_once_it_is_mended(project: Project, command):
    given_a_day(project)
    project.feed.rename(project.folder / "late.csv")

    failed = project.run(*command)
    (project.folder / "late.csv").rename(project.feed)
    again = project.run(*command)

    assert failed.code == 30, failed.output
    assert again.code == 0, again.output
    assert project.metric() == DAY_ROWS


def test_what_was_stopped_is_done_by_the_same_command_at_once(project: Project, command, monkeypatch):
    given_a_day(project)
    with monkeypatch.context() as patch:
        patch.delenv("LAKESHIFT_RUN")
        run = project.start(*command)
        wait_for_spark(run.pid)
        run.send_signal(signal.SIGTERM)
        run.communicate(timeout=60)

    again = project.run(*command)

    assert run.returncode == 128 + signal.SIGTERM
    assert again.code == 0, again.output
    assert project.metric() == DAY_ROWS


def test_a_second_run_says_who_is_at_the_day_already(project: Project, command, monkeypatch):
    given_a_day(project)
    monkeypatch.delenv("LAKESHIFT_RUN")
    first = project.start(*command)
    wait_for_spark(first.pid)

    second = project.run(*command)
    first.communicate(timeout=120)

    assert first.returncode == 0
    assert second.code == 10, second.output
    assert ": another worker is running it, Worker(" in second.output
    assert project.metric() == DAY_ROWS


def given_a_worker_at(url, *tasks):
    """Have another worker run tasks as one, as the scheduler knows it."""
    scheduler, worker = RemoteScheduler(url), "Worker(salt=1, host=other)"
    scheduler.add_task_batcher(worker=worker, task_family=tasks[0].task_family, batched_args=["date"])
    for task in tasks:
        about = {"family": task.task_family, "module": task.task_module, "params": task.to_str_params()}
        scheduler.add_task(worker=worker, task_id=task.task_id, batchable=True, **about)
    given = scheduler.get_work(worker=worker, host="other")
    scheduler.add_task(worker=worker, task_id="all", status="RUNNING", batch_id=given["batch_id"], **about)


def test_a_second_run_says_who_is_at_several_days_together(project: Project, luigid):
    project.given_purchases("1,A,LANTERN,6,2010-12-01 08:26:00,2.55,17850.0,EIRE")
    days = [datetime.date(2010, 12, day) for day in (1, 2)]
    given_a_worker_at(luigid, *(UserPurchasePartition(date=day) for day in days))
    arguments = ("RangeDaily", "--of", "UserPurchasePartition", "--start", "2010-12-01", "--stop", "2010-12-03")

    done = project.run(*luigi_command(*arguments, scheduler=("--scheduler-port", luigid.rpartition(":")[2])))

    assert done.code == 10, done.output
    for day in days:
        running = f"not run  UserPurchasePartition {day}: another worker is running it, Worker(salt=1, host=other)"
        assert running in done.output
