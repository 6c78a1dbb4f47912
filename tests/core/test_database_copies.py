"""COPY out of PostgreSQL and into it, as streams."""

from __future__ import annotations

import csv
import io
import subprocess
import sys
import time
from datetime import date
from decimal import Decimal

import psycopg2
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

COLUMNS = ("a", "b")
MEGABYTE = 1 << 20
COPY_OUT = """
import resource, sys
from pipeline.core.database import Database
database, size = Database(sys.argv[1]), 0
with database.transaction() as cursor:
    sql = "SELECT g, repeat('x', 90) FROM generate_series(1, %(rows)s) g"
    with database.copy_out(cursor, sql, {"rows": int(sys.argv[2])}) as stream:
        while data := stream.read(1 << 16):
            size += data.count(b"\\n")
print(size - 1, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""
COPY_IN = """
import resource, sys
from pipeline.core.database import Database
database, rows = Database(sys.argv[1]), int(sys.argv[2])
with database.transaction() as cursor:
    cursor.execute("CREATE TEMP TABLE wide (a integer, b text)")
    count = database.copy_in(cursor, "wide", ("a", "b"), ((number, "x" * 90) for number in range(rows)))
print(count, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


@pytest.fixture
def numbers(postgres):
    with postgres.transaction() as cursor:
        cursor.execute("CREATE TABLE public.number (a integer, b text)")
    return postgres


def copied_out(database, sql, params=None):
    with database.transaction() as cursor, database.copy_out(cursor, sql, params) as stream:
        return stream.read()


def copied_in(database, rows, table="public.number"):
    with database.transaction() as cursor:
        return database.copy_in(cursor, table, COLUMNS, rows)


def test_a_query_comes_out_as_csv_that_tells_null_from_empty(postgres):
    text = copied_out(postgres, "SELECT 1 AS a, NULL AS b UNION ALL SELECT 2, '' UNION ALL SELECT 3, 'x,\"y\"'")

    assert text == b'a,b\n1,\n2,""\n3,"x,""y"""\n'


def test_a_query_that_returns_nothing_comes_out_as_a_header(numbers):
    assert copied_out(numbers, "SELECT a, b FROM public.number") == b"a,b\n"


def test_parameters_are_bound_and_comments_and_semicolons_do_no_harm(postgres):
    sql = "-- what it makes\nSELECT %(name)s AS name, 5 %% 3 AS rest -- 100%%"

    for query in (sql, f"{sql}\n;\n"):
        assert copied_out(postgres, query, {"name": "it's"}) == b"name,rest\nit's,2\n"


def test_a_query_without_parameters_may_hold_a_percent_sign(postgres):
    assert copied_out(postgres, "SELECT 5 % 3 AS rest") == b"rest\n2\n"


def test_text_comes_out_in_utf_8(postgres):
    assert copied_out(postgres, "SELECT '£5 ☕' AS price").decode() == "price\n£5 ☕\n"


def test_the_cursor_can_be_used_before_and_after(postgres):
    with postgres.transaction() as cursor:
        cursor.execute("SELECT 1")
        with postgres.copy_out(cursor, "SELECT 2 AS a") as stream:
            stream.read()
        cursor.execute("SELECT 3")

        assert cursor.fetchone() == (3,)


def test_what_was_not_read_does_not_stay_in_the_way(postgres):
    with postgres.transaction() as cursor:
        with postgres.copy_out(cursor, "SELECT g FROM generate_series(1, 300000) g") as stream:
            first = stream.readline()
        cursor.execute("SELECT 3")

        assert (first, cursor.fetchone()) == (b"g\n", (3,))


def test_a_query_that_is_wrong_raises_where_the_stream_is_read(postgres):
    with pytest.raises(psycopg2.errors.UndefinedColumn):
        copied_out(postgres, "SELECT nothing FROM public.etl_load")


def test_a_query_that_fails_half_way_does_not_look_like_one_that_ended(postgres):
    read = []

    with pytest.raises(psycopg2.errors.DivisionByZero), postgres.transaction() as cursor:
        sql = "SELECT 1 / (200000 - g) FROM generate_series(1, 300000) g"
        with postgres.copy_out(cursor, sql) as stream:
            read.extend(iter(lambda: stream.read(1000), b""))
            read.append("the end")

    assert read
    assert read[-1] != "the end"


def test_a_query_that_fails_unread_is_raised_all_the_same(postgres):
    def open_and_leave():
        with postgres.transaction() as cursor, postgres.copy_out(cursor, "SELECT 1 / 0"):
            pass

    with pytest.raises(psycopg2.errors.DivisionByZero):
        open_and_leave()


@pytest.mark.parametrize("sql", ["SELECT generate_series(1, 1000000000) AS g", "SELECT pg_sleep(100) AS g"])
def test_an_error_of_the_reader_travels_and_ends_the_query_at_once(postgres, sql):
    def read():
        with postgres.transaction() as cursor, postgres.copy_out(cursor, sql):
            time.sleep(0.2)
            raise ZeroDivisionError

    started = time.monotonic()
    with pytest.raises(ZeroDivisionError):
        read()

    assert time.monotonic() - started < 20
    assert postgres.query("SELECT count(*) FROM pg_stat_activity WHERE state = 'active'") == [(1,)]


def test_rows_come_in_and_are_counted(numbers):
    count = copied_in(numbers, [(1, None), (2, ""), (3, 'x,"y"\n\\. \\N'), (None, "£")])

    assert count == 4
    assert numbers.query("SELECT a, b FROM public.number ORDER BY a") == [
        (1, None), (2, ""), (3, 'x,"y"\n\\. \\N'), (None, "£"),
    ]  # fmt: skip


def test_dates_and_decimals_come_in_as_they_are(postgres):
    with postgres.transaction() as cursor:
        cursor.execute('CREATE TABLE public."Park" ("Day" date, "Charge" numeric(8, 3))')
        postgres.copy_in(cursor, "public.Park", ("Day", "Charge"), [(date(2010, 12, 1), Decimal("7.125"))])

    assert postgres.query('SELECT "Day", "Charge" FROM public."Park"') == [(date(2010, 12, 1), Decimal("7.125"))]


def test_no_rows_come_in_as_none(numbers):
    assert copied_in(numbers, iter(())) == 0


def test_an_error_of_the_rows_travels_as_it_is_and_nothing_comes_in(numbers):
    def broken():
        yield 1, "a"
        raise ZeroDivisionError("row 2")

    with pytest.raises(ZeroDivisionError, match="row 2"):
        copied_in(numbers, broken())

    assert numbers.query("SELECT * FROM public.number") == []


def test_a_row_that_does_not_fit_is_named_by_postgresql(numbers):
    with pytest.raises(psycopg2.errors.InvalidTextRepresentation, match=r"line 2, column a: .x."):
        copied_in(numbers, [(1, "a"), ("x", "b")])


texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(st.tuples(st.integers(-(2**31), 2**31 - 1), texts), max_size=20))
def test_whatever_comes_in_comes_out(numbers, rows):
    with numbers.transaction() as cursor:
        cursor.execute("DELETE FROM public.number")
        numbers.copy_in(cursor, "public.number", COLUMNS, rows)
        with numbers.copy_out(cursor, "SELECT a, b FROM public.number") as stream:
            text = stream.read().decode()

    assert list(csv.reader(io.StringIO(text, newline="")))[1:] == [[str(a), b] for a, b in rows]


@pytest.mark.parametrize("program", [COPY_OUT, COPY_IN])
def test_a_million_rows_need_no_more_memory_than_ten_thousand(database_url, program):
    def run(rows):
        done = subprocess.run(
            [sys.executable, "-c", program, database_url, str(rows)], capture_output=True, text=True, check=True
        )
        count, kilobytes = map(int, done.stdout.split())
        assert count == rows
        return kilobytes * 1024

    # The million rows are 97 MB.
    assert run(1_000_000) - run(10_000) < 8 * MEGABYTE
