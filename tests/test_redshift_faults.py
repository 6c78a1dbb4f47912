"""Loads of Redshift that meet a fault, are killed, or are stopped: the rows are there once, and one marker."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
from fixtures_redshift import CONNECT
from fixtures_sales import DAY, NEXT_DAY, TABLE, a_load, customers, load
from project import ROOT
from tenacity import wait_none

from pipeline.core import retries
from pipeline.core.errors import CommitLost, Retryable, SourceUnavailable
from pipeline.core.etl_load import Load, Part
from pipeline.core.lake import Partition
from pipeline.core.sql_files import read_sql
from pipeline.core.warehouse.redshift import RedshiftWarehouse

ISOLATION = {
    "code": "XX000",
    "message": "1023",
    "detail": "Serializable isolation violation on table - 119371, transactions forming the cycle are: 1, 2 (pid:3)",
}
COUNT = 'SELECT "insert_date", count'
# What one load executes; a part of each, in order.
STATEMENTS = [
    "SET statement_timeout TO 60000",
    "begin",
    "SET statement_timeout TO 1000",
    "LOCK",
    "SET statement_timeout TO 60000",
    "SELECT partition_key",
    "DELETE FROM",
    "INSERT INTO public.sale",
    "SELECT insert_date, count",
    "DELETE FROM public.etl_load",
    "INSERT INTO public.etl_load",
    "commit",
]
EACH_STATEMENT = pytest.mark.parametrize("number", range(len(STATEMENTS)), ids=STATEMENTS)
BEFORE_AND_AFTER = pytest.mark.parametrize("before", [True, False], ids=["before", "after"])
WORKER = """
import sys
from fixtures_sales import load
from pipeline.core.errors import CommitLost
from pipeline.core.warehouse import warehouse
try:
    load(warehouse(), 1, attempt=sys.argv[1])
except CommitLost:
    print("lost")
else:
    print("loaded")
"""


@pytest.fixture
def sales(redshift, settings, monkeypatch) -> RedshiftWarehouse:
    """Return a Redshift with an empty table of sales, its lock table and etl_load."""
    monkeypatch.setattr(retries, "WAIT", wait_none())
    settings("warehouse", "url", redshift.url)
    settings("warehouse", "wait_seconds", "1")
    settings("warehouse", "statement_seconds", "60")
    sales = RedshiftWarehouse(redshift.url)
    with sales.transaction() as cursor:
        cursor.execute(read_sql("tables.sql"))
        cursor.execute("CREATE TABLE public.sale (customerid integer, insert_date date)")
        cursor.execute("CREATE TABLE public.sale_etl_lock (id integer)")
    return sales


@pytest.fixture
def start(redshift, tmp_path: Path) -> Iterator[Callable[[str], subprocess.Popen[str]]]:
    """Return a function that starts a process which loads the day, as an attempt."""
    (tmp_path / "worker.cfg").write_text(
        f"[warehouse]\nurl = {redshift.url}\nwait_seconds = 20\nstatement_seconds = 60\n"
    )
    started: list[subprocess.Popen[str]] = []

    def start_one(attempt: str) -> subprocess.Popen[str]:
        # The folder of the tests has a folder sql too, so it comes last.
        paths = {"LUIGI_CONFIG_PATH": str(tmp_path / "worker.cfg"), "PYTHONPATH": str(Path(__file__).parent)}
        environment = os.environ | paths
        command = [sys.executable, "-c", WORKER, attempt]
        started.append(subprocess.Popen(command, cwd=ROOT, env=environment, text=True, stdout=subprocess.PIPE))
        return started[-1]

    yield start_one
    for process in started:
        process.kill()
        process.communicate()


def loaded(sales: RedshiftWarehouse) -> tuple[list[int], int]:
    """Return the customers of the day, and how many markers it has."""
    [(markers,)] = sales.query("SELECT count(*) FROM public.etl_load")
    return customers(sales), markers


def load_again(sales: RedshiftWarehouse) -> None:
    """Load the day as the task does: nothing if it is complete."""
    state = sales.load_state(TABLE, DAY)
    if not state.is_complete:
        # What was killed may be committing still.
        with suppress(CommitLost):
            load(sales, 1, attempt="again", seen=state)


def test_a_load_executes_the_statements_that_are_disturbed_below(sales, redshift):
    before = len(redshift.statements)

    load(sales, 1)

    executed = redshift.statements[before:]
    assert len(executed) == len(STATEMENTS)
    assert all(part in sql.replace('"', "") for sql, part in zip(executed, STATEMENTS, strict=True))


def test_a_load_that_is_not_serialisable_twice_succeeds_then(sales, redshift):
    redshift.fail("INSERT INTO public.etl_load", **ISOLATION, times=2)

    load(sales, 1)

    assert loaded(sales) == ([1], 1)
    assert len([sql for sql in redshift.statements if sql.startswith("LOCK")]) == 3


def test_loads_of_two_tables_at_once_are_not_serialisable_and_both_are_done(sales, redshift):
    with sales.transaction() as cursor:
        cursor.execute("CREATE TABLE public.visit (customerid integer, insert_date date)")
        cursor.execute("CREATE TABLE public.visit_etl_lock (id integer)")
    visit = replace(a_load("a2"), table="public.visit")
    redshift.hold("DELETE FROM", before=False)
    with ThreadPoolExecutor() as pool:
        visiting = pool.submit(sales.load_partition, visit, lambda cursor, _: None)
        redshift.wait_until_held()
        load(sales, 1)
        redshift.release()
        visiting.result()

    # The load, and the load again.
    assert redshift.statements.count('LOCK TABLE "public"."visit_etl_lock"') == 2
    assert loaded(sales) == ([1], 2)


def test_a_commit_that_is_refused_is_tried_again_without_asking_how_it_ended(sales, redshift, caplog):
    redshift.fail("commit", **ISOLATION)

    load(sales, 1)

    assert loaded(sales) == ([1], 1)
    assert len([sql for sql in redshift.statements if sql.startswith("LOCK")]) == 2
    assert "failed, the next in 0.0 s: Redshift at" in caplog.text
    assert "1023" in caplog.text


def test_a_load_that_is_never_serialisable_is_given_up_with_nothing_changed(sales, redshift):
    redshift.fail("INSERT INTO public.etl_load", **ISOLATION, times=retries.TRIES)

    with pytest.raises(Retryable, match="1023"):
        load(sales, 1)

    assert loaded(sales) == ([], 0)


def test_a_redshift_that_is_full_is_tried_again(sales, redshift):
    redshift.fail(CONNECT, "53300", 'connection limit "500" exceeded for non-bootstrap users', times=2)

    load(sales, 1)

    assert loaded(sales) == ([1], 1)


@EACH_STATEMENT
@BEFORE_AND_AFTER
def test_a_connection_that_is_cut_at_any_statement_costs_nothing(sales, redshift, number, before):
    redshift.cut("", before=before, skip=number)

    load(sales, 1)

    assert loaded(sales) == ([1], 1)


def test_a_connection_that_is_cut_as_it_begins_costs_nothing(sales, redshift):
    redshift.cut(CONNECT)

    load(sales, 1)

    assert loaded(sales) == ([1], 1)


@pytest.mark.parametrize(("part", "at"), [("LOCK", 3), (COUNT, 9), ("DELETE FROM", 12), ("commit", 8)])
def test_an_answer_that_is_cut_in_the_middle_costs_nothing(sales, redshift, part, at):
    redshift.cut(part, before=False, at=at)

    load(sales, 1)

    assert loaded(sales) == ([1], 1)


@pytest.fixture
def reviews(sales) -> RedshiftWarehouse:
    """Return a Redshift with an external table."""
    with sales.autocommit() as cursor:
        cursor.execute("CREATE EXTERNAL SCHEMA spectrum FROM DATA CATALOG DATABASE 'spectrumdb' IAM_ROLE DEFAULT")
        cursor.execute(
            "CREATE EXTERNAL TABLE spectrum.review (cid varchar(100)) PARTITIONED BY (insert_date date)"
            " STORED AS PARQUET LOCATION 's3://bucket/review/'"
        )
    return sales


@pytest.mark.parametrize("part", ["SET statement_timeout", "SELECT", "ALTER TABLE"])
@BEFORE_AND_AFTER
def test_an_external_partition_is_set_once_whatever_is_cut(reviews, redshift, part, before):
    redshift.cut(part, before=before)

    reviews.set_external_partitions("spectrum.review", {DAY: "s3://bucket/review/a1/"})

    rows = reviews.query("SELECT location FROM svv_external_partitions")
    assert rows == [("s3://bucket/review/a1/",)]


def test_a_commit_that_goes_on_without_its_connection_is_waited_for(sales, redshift):
    redshift.orphan("commit")
    with ThreadPoolExecutor() as pool:
        loading = pool.submit(load, sales, 1)
        redshift.wait_until_held()
        # Only the lock tells that the commit is still under way.
        redshift.wait_until_executed("LOCK", times=2)
        was_done = loading.done()
        redshift.release()
        loading.result()

    assert not was_done
    assert loaded(sales) == ([1], 1)


def test_a_load_is_done_though_the_look_how_it_ended_loses_its_own_commit(sales, redshift):
    redshift.cut("commit", before=False, times=2)

    load(sales, 1)

    assert redshift.statements.count('LOCK TABLE "public"."sale_etl_lock"') == 2
    assert loaded(sales) == ([1], 1)


def kill_a_load(redshift, start, number: int, before: bool) -> None:
    """Kill a process when a statement of its load has arrived, or was executed and not yet answered."""
    redshift.hold("", before=before, skip=number)
    worker = start("a1")
    redshift.wait_until_held()
    worker.kill()
    worker.wait()
    redshift.release()


@pytest.mark.parametrize(("part", "before"), [("INSERT INTO public.sale", False), ("commit", True)])
def test_a_load_that_was_killed_is_done_by_the_next(sales, redshift, start, part, before):
    kill_a_load(redshift, start, STATEMENTS.index(part), before)

    load_again(sales)

    assert loaded(sales) == ([1], 1)


@pytest.mark.faults
@EACH_STATEMENT
@BEFORE_AND_AFTER
def test_a_load_that_was_killed_at_any_statement_is_done_by_the_next(sales, redshift, start, number, before):
    kill_a_load(redshift, start, number, before)

    load_again(sales)

    assert loaded(sales) == ([1], 1)


def test_two_processes_that_load_a_day_at_once_load_it_once(sales, redshift, start):
    redshift.hold("begin", times=2)
    workers = [start("a1"), start("a2")]
    redshift.wait_until_held(2)
    redshift.release()

    ends = sorted(worker.communicate(timeout=60)[0] for worker in workers)

    assert ends == ["loaded\n", "lost\n"]
    assert loaded(sales) == ([1], 1)


def stop(redshift, worker: subprocess.Popen[str]) -> None:
    """Stop a process whose statement is held up, and answer it."""
    redshift.wait_until_held()
    worker.send_signal(signal.SIGSTOP)
    redshift.release()


def test_a_worker_that_stood_still_before_its_lock_finds_the_day_loaded(sales, redshift, start):
    redshift.hold("begin")
    worker = start("a1")
    stop(redshift, worker)

    load(sales, 1, attempt="a2")
    worker.send_signal(signal.SIGCONT)
    end, _ = worker.communicate(timeout=60)

    assert end == "lost\n"
    assert loaded(sales) == ([1], 1)


@pytest.mark.parametrize("part", ["INSERT INTO public.sale", "INSERT INTO public.etl_load"])
def test_a_worker_that_stands_still_with_the_lock_is_named_and_can_be_ended(sales, redshift, start, part):
    redshift.hold(part, before=False)
    worker = start("a1")
    stop(redshift, worker)

    with pytest.raises(SourceUnavailable, match=r"sale_etl_lock.* 1 s: by tester, process \d+, since 20") as told:
        load(sales, 1, attempt="a2")
    sales.query(re.search(r"SELECT pg_terminate_backend\(\d+\)", str(told.value))[0])
    load(sales, 1, attempt="a2")
    worker.send_signal(signal.SIGCONT)
    end, _ = worker.communicate(timeout=60)

    assert end == "lost\n"
    assert loaded(sales) == ([1], 1)


def load_days(sales: RedshiftWarehouse, *days: Partition) -> dict[Partition, object]:
    """Load a customer on each of some days, by one statement."""

    def write(cursor, load):
        rows = ", ".join(f"%(row_{number})s" for number, _ in enumerate(load.parts))
        values = {f"row_{number}": (1, day.parameter) for number, day in enumerate(load.parts)}
        cursor.execute(f"INSERT INTO public.sale VALUES {rows}", values)

    return sales.load_partitions(Load(TABLE, "a1", "0.1.0", {day: Part("Sale") for day in days}), write)


@pytest.mark.parametrize("part", ["LOCK", "INSERT INTO public.sale", "INSERT INTO public.etl_load", "commit"])
@BEFORE_AND_AFTER
def test_a_load_of_several_days_that_is_cut_costs_nothing(sales, redshift, part, before):
    redshift.cut(part, before=before)

    ends = load_days(sales, DAY, NEXT_DAY)

    assert ends == {DAY: 1, NEXT_DAY: 1}
    assert [loaded(sales), customers(sales, NEXT_DAY)] == [([1], 2), [1]]


def test_a_day_that_another_loads_while_several_wait_is_left_to_it(sales, redshift):
    redshift.hold("LOCK")
    with ThreadPoolExecutor() as pool:
        loading = pool.submit(load_days, sales, DAY, NEXT_DAY)
        redshift.wait_until_held()
        load(sales, 7, attempt="a2", partition=NEXT_DAY)
        redshift.release()
        ends = loading.result()

    assert isinstance(ends[NEXT_DAY], CommitLost)
    assert [loaded(sales), customers(sales, NEXT_DAY)] == [([1], 2), [7]]


def test_a_commit_that_could_not_be_settled_is_found_by_the_next_try(sales, redshift):
    redshift.cut("commit", before=False)
    redshift.cut("LOCK", skip=1)

    ends = load_days(sales, DAY, NEXT_DAY)

    assert redshift.statements.count('LOCK TABLE "public"."sale_etl_lock"') == 3
    assert ends == {DAY: 1, NEXT_DAY: 1}
    assert [loaded(sales), customers(sales, NEXT_DAY)] == [([1], 2), [1]]
