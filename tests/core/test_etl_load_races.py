"""Loads that overlap, lose their connection or are killed, in REPEATABLE READ with no keys."""

from __future__ import annotations

import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import luigi
import psycopg2
import pytest
from fixtures_sales import DAY, NEXT_DAY, TABLE, a_load, add, customers, load, wait_until_locks_are_awaited
from luigi.contrib.postgres import PostgresQuery
from psycopg2 import extensions

from pipeline.core.errors import CommitLost, Retryable
from pipeline.core.etl_load import LoadState
from pipeline.core.lake import Partition

MARKER_TABLE = "CREATE TABLE table_updates (update_id text, target_table text, inserted timestamp DEFAULT now())"
SLOW_COMMIT = """
CREATE FUNCTION be_slow() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(1); RETURN NULL; END';
CREATE CONSTRAINT TRIGGER be_slow AFTER INSERT ON public.sale DEFERRABLE INITIALLY DEFERRED
FOR EACH ROW EXECUTE FUNCTION be_slow();
"""
KILLED = """
import os, signal, sys
from fixtures_sales import a_load, add
from pipeline.core.database import Database
with Database(sys.argv[1]).loading(a_load("a2")) as cursor:
    add(cursor, 2)
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_rerun_asked_for_during_a_load_is_kept(sales):
    with ThreadPoolExecutor() as pool:
        load(sales, 1)
        sales.request_rerun(TABLE, DAY)

        with sales.loading(a_load("a2", seen=sales.load_state(TABLE, DAY))) as cursor:
            request = pool.submit(sales.request_rerun, TABLE, DAY)
            wait_until_locks_are_awaited(sales)
            add(cursor, 2)
        request.result()

    state = sales.load_state(TABLE, DAY)
    assert state.attempt == "a2"
    assert not state.is_complete


def test_completeness_can_be_asked_while_a_load_is_under_way(sales):
    with sales.loading(a_load()) as cursor:
        add(cursor, 1)

        assert not sales.load_state(TABLE, DAY).is_complete


def test_two_overlapping_loads_leave_the_rows_once(sales):
    with ThreadPoolExecutor() as pool:
        with sales.loading(a_load("a1")) as cursor:
            second = pool.submit(load, sales, 1, 2, attempt="a2")
            wait_until_locks_are_awaited(sales)
            add(cursor, 1, 2)

        with pytest.raises(CommitLost):
            second.result()

    assert customers(sales) == [1, 2]
    assert sales.load_state(TABLE, DAY).attempt == "a1"


class StockLoad(PostgresQuery):
    """The same load as luigi.contrib does it: delete, insert, mark, with nothing that keeps two of them apart."""

    host = luigi.Parameter()
    who = luigi.Parameter()
    database, user, password, table = "test", "postgres", "", TABLE
    query = """
        DELETE FROM public.sale WHERE insert_date = '2010-12-01';
        INSERT INTO public.sale VALUES (1, '2010-12-01'), (2, '2010-12-01');
        SELECT pg_advisory_xact_lock_shared(1)
    """


def test_beside_it_two_overlapping_loads_of_stock_luigi_leave_the_rows_twice(sales, database_url):
    with sales.transaction() as cursor:
        cursor.execute("ALTER DATABASE test SET default_transaction_isolation TO 'repeatable read'")
        cursor.execute(MARKER_TABLE)
    host = extensions.parse_dsn(database_url)["host"]

    with ThreadPoolExecutor() as pool:
        with sales.transaction() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(1)")
            loads = [pool.submit(StockLoad(host=host, who=who).run) for who in ("first", "second")]
            wait_until_locks_are_awaited(sales, number=2)
        for load in loads:
            load.result()

    assert customers(sales) == [1, 1, 2, 2]


def load_or_lose(sales, day):
    with suppress(CommitLost):
        load(sales, 1, partition=day)


def test_many_loads_at_once_leave_each_partition_once(sales):
    days = [Partition("insert_date", f"2010-12-{day:02}") for day in range(1, 9)]

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda day: load_or_lose(sales, day), days * 2))

    assert [customers(sales, day) for day in days] == [[1]] * 8
    assert len(sales.loaded_partitions(TABLE)) == 8


def test_a_commit_whose_answer_was_lost_is_found_to_be_done(sales, cut_at_commit):
    cut_sales, way = cut_at_commit(arrives=True)

    load(cut_sales, 1)

    assert way.has_cut
    assert customers(sales) == [1]
    assert sales.load_state(TABLE, DAY).attempt == "a1"


def test_a_commit_that_the_server_is_still_at_is_waited_for(sales, cut_at_commit):
    with sales.transaction() as cursor:
        cursor.execute(SLOW_COMMIT)
    cut_sales, way = cut_at_commit(arrives=True, hurries=True)

    with cut_sales.loading(a_load()) as cursor:
        add(cursor, 1)

    assert way.has_cut
    assert customers(sales) == [1]
    assert sales.load_state(TABLE, DAY).attempt == "a1"


def test_a_commit_that_never_arrived_changes_nothing_and_says_so(sales, cut_at_commit):
    cut_sales, way = cut_at_commit(arrives=False)

    with pytest.raises(Retryable, match="nothing was loaded"), cut_sales.loading(a_load()) as cursor:
        add(cursor, 1)

    assert way.has_cut
    assert customers(sales) == []
    assert sales.load_state(TABLE, DAY) == LoadState()


def test_a_commit_that_never_arrived_is_tried_again(sales, cut_at_commit, caplog):
    cut_sales, way = cut_at_commit(arrives=False)

    load(cut_sales, 1)

    assert way.has_cut
    assert "Try 1 of 6 failed" in caplog.text
    assert customers(sales) == [1]
    assert sales.load_state(TABLE, DAY).attempt == "a1"


def test_a_load_that_was_killed_before_its_mark_leaves_what_was_there(sales, database_url):
    with sales.transaction() as cursor:
        add(cursor, 1)

    killed = subprocess.run([sys.executable, "-c", KILLED, database_url], cwd=Path(__file__).parents[1])
    left = customers(sales), sales.load_state(TABLE, DAY)
    load(sales, 3)

    assert killed.returncode == -signal.SIGKILL
    assert left == ([1], LoadState())
    assert customers(sales) == [3]


def test_a_load_whose_connection_is_ended_is_loaded_by_another_try(sales):
    tries = []

    def write(cursor, _):
        tries.append(cursor)
        add(cursor, 1)
        if len(tries) == 1:
            end_sessions_but_this(sales)

    sales.load_partition(a_load(), write)

    assert len(tries) == 2
    assert customers(sales) == [1]
    assert sales.query("SELECT count(*) FROM public.etl_load") == [(1,)]


def test_a_serialization_failure_is_tried_again_and_a_wrong_statement_is_not(sales):
    load(sales, 1)
    tries = []

    def write(cursor, _):
        tries.append(cursor)
        cursor.execute("SELECT count(*) FROM public.number")
        with sales.transaction() as another:
            another.execute("UPDATE public.number SET value = value + 1")
        if len(tries) < 3:
            cursor.execute("UPDATE public.number SET value = 0")
        cursor.execute("SELECT 1 / 0")

    with sales.transaction() as cursor:
        cursor.execute("CREATE TABLE public.number AS SELECT 1 AS value")

    with pytest.raises(psycopg2.errors.DivisionByZero):
        sales.load_partition(a_load(partition=NEXT_DAY), write)

    assert len(tries) == 3


def end_sessions_but_this(sales):
    """Have the server end the sessions of a database, as an administrator or a restart does."""
    with sales.transaction() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
