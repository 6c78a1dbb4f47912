"""A table that is loaded a day at a time, for tests of how partitions of tables are replaced."""

from __future__ import annotations

import time
from typing import Any

import pytest

from pipeline.core.database import Database
from pipeline.core.etl_load import Load, LoadState, Part
from pipeline.core.lake import Input, Partition

TABLE = "public.sale"
DAY = Partition("insert_date", "2010-12-01")
NEXT_DAY = Partition("insert_date", "2010-12-02")


@pytest.fixture
def sales(postgres: Database) -> Database:
    """Return a database with an empty table of sales, its lock table and etl_load; nothing has a key."""
    with postgres.transaction() as cursor:
        cursor.execute("CREATE TABLE public.sale (customerid integer, insert_date date)")
        cursor.execute("CREATE TABLE public.sale_etl_lock (held integer)")
    return postgres


def a_load(
    attempt: str = "a1", partition: Partition = DAY, seen: LoadState | None = None, inputs: tuple[Input, ...] = ()
) -> Load:
    return Load(TABLE, attempt, "0.1.0", {partition: Part(f"Sale_{attempt}", seen or LoadState(), inputs)})


def add(cursor: Any, *customers: int, partition: Partition = DAY) -> None:
    for customer in customers:
        row = {"customer": customer, "day": partition.parameter}
        cursor.execute("INSERT INTO public.sale VALUES (%(customer)s, %(day)s)", row)


def load(
    sales: Database, *customers: int, attempt: str = "a1", partition: Partition = DAY, seen: LoadState | None = None
) -> None:
    sales.load_partition(
        a_load(attempt, partition, seen), lambda cursor, _: add(cursor, *customers, partition=partition)
    )


def customers(sales: Database, partition: Partition = DAY) -> list[int]:
    sql = "SELECT customerid FROM public.sale WHERE insert_date = %(day)s ORDER BY customerid"
    return [customer for (customer,) in sales.query(sql, {"day": partition.parameter})]


def wait_until_locks_are_awaited(sales: Database, number: int = 1) -> None:
    give_up_at = time.monotonic() + 30
    while sales.query("SELECT count(*) FROM pg_locks WHERE NOT granted") != [(number,)]:
        assert time.monotonic() < give_up_at, "nothing waits for a lock"
        time.sleep(0.01)
