"""Loads that overlap, lose their connection or are killed, in REPEATABLE READ with no keys."""

from __future__ import annotations

import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import luigi
import pytest
from fixtures_sales import DAY, TABLE, a_load, add, customers, load, wait_until_locks_are_awaited
from luigi.contrib.postgres import PostgresQuery
from psycopg2 import extensions

from pipeline.core.errors import CommitLost, SourceUnavailable
from pipeline.core.etl_load import LoadState
from pipeline.core.lake import Partition

MARKER_TABLE = "CREATE TABLE table_updates (update_id text, target_table text, inserted timestamp DEFAULT now())"
KILLED = """
import os, signal, sys
from fixtures_sales import a_load, add
from pipeline.core.database import Database
with Database(sys.argv[1]).load_partition(a_load("a2")) as cursor:
    add(cursor, 2)
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_rerun_asked_for_during_a_load_is_kept(sales):
    with ThreadPoolExecutor() as pool:
        load(sales, 1)
        sales.request_rerun(TABLE, DAY)

        with sales.load_partition(a_load("a2", seen=sales.load_state(TABLE, DAY))) as cursor:
            request = pool.submit(sales.request_rerun, TABLE, DAY)
            wait_until_locks_are_awaited(sales)
            add(cursor, 2)
        request.result()

    state = sales.load_state(TABLE, DAY)
    assert state.attempt == "a2"
    assert not state.is_complete


def test_completeness_can_be_asked_while_a_load_is_under_way(sales):
    with sales.load_partition(a_load()) as cursor:
        add(cursor, 1)

        assert not sales.load_state(TABLE, DAY).is_complete


def test_two_overlapping_loads_leave_the_rows_once(sales):
    with ThreadPoolExecutor() as pool:
        with sales.load_partition(a_load("a1")) as cursor:
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


def test_a_commit_that_never_arrived_is_tried_again(sales, cut_at_commit):
    cut_sales, way = cut_at_commit(arrives=False)

    with pytest.raises(SourceUnavailable, match="nothing was loaded"):
        load(cut_sales, 1)
    was_empty = customers(sales) == []
    load(cut_sales, 1, attempt="a2")

    assert way.has_cut
    assert was_empty
    assert customers(sales) == [1]


def test_a_load_that_was_killed_before_its_mark_leaves_what_was_there(sales, database_url):
    with sales.transaction() as cursor:
        add(cursor, 1)

    killed = subprocess.run([sys.executable, "-c", KILLED, database_url], cwd=Path(__file__).parents[1])
    left = customers(sales), sales.load_state(TABLE, DAY)
    load(sales, 3)

    assert killed.returncode == -signal.SIGKILL
    assert left == ([1], LoadState())
    assert customers(sales) == [3]
