"""A load that replaces a whole table: readers see the old rows or the new ones, and are not kept waiting."""

from __future__ import annotations

import io
import threading
import time

import psycopg2
import pytest

from pipeline.core.database import Database, snapshots
from pipeline.core.database.snapshots import SnapshotLoad, beside
from pipeline.core.errors import CheckFailed, Retryable, SourceUnavailable
from pipeline.core.etl_load import LoadState, Part
from pipeline.core.lake import Partition

TABLE = "public.price"
DAY = Partition("insert_date", "2017-11-10")
NEXT_DAY = Partition("insert_date", "2017-11-11")


@pytest.fixture
def prices(postgres: Database) -> Database:
    """Return a database with an empty table of prices, and a view of it."""
    with postgres.transaction() as cursor:
        cursor.execute("CREATE TABLE public.price (name text NOT NULL, value int) PARTITION BY LIST (name)")
        cursor.execute("CREATE TABLE public.price_etl_lock (held integer)")
        cursor.execute("CREATE VIEW public.price_text AS SELECT value::text FROM public.price")
    return postgres


def load(prices, *values, attempt="a-1", partition=DAY, seen=None, wait_seconds=20):
    """Replace the table by rows with some values."""
    snapshot = SnapshotLoad(TABLE, attempt, "0.1.0", {partition: Part("Prices", seen or LoadState())})

    def write(cursor, _):
        with beside(cursor, snapshot, wait_seconds):
            lines = "".join(f"x,{value}\n" for value in values)
            snapshot.fill(cursor, ("name", "value"), io.BytesIO(lines.encode()))

    prices.load_partition(snapshot, write)


def values(prices):
    return [value for (value,) in prices.query("SELECT value FROM public.price ORDER BY value")]


def test_a_load_replaces_all_there_was(prices):
    load(prices, 1, 2)

    load(prices, 3, attempt="a-2", partition=NEXT_DAY)

    assert values(prices) == [3]
    assert prices.query("SELECT value FROM public.price_text") == [("3",)]
    assert prices.query("SELECT partition_key, row_count FROM public.etl_load ORDER BY 1") == [
        ("insert_date=2017-11-10", 2),
        ("insert_date=2017-11-11", 1),
    ]


def test_nothing_is_left_of_what_was_replaced(prices):
    load(prices, 1)
    load(prices, 2, attempt="a-2", partition=NEXT_DAY)

    assert prices.query(
        "SELECT relname FROM pg_class WHERE relname LIKE 'price\\_%%' AND relkind = 'r' ORDER BY 1"
    ) == [
        ("price_2",),
        ("price_etl_lock",),
    ]


def test_what_is_loaded_is_not_written_twice(prices):
    def logged():
        [(size,)] = prices.query("SELECT pg_current_wal_insert_lsn() - '0/0'::pg_lsn")
        return size

    before = logged()
    load(prices, *range(200_000))

    assert prices.query("SELECT pg_relation_size('public.price_1') > 5000000") == [(True,)]
    assert logged() - before < 1_000_000


def test_rows_of_a_try_that_failed_are_not_counted(prices):
    snapshot = SnapshotLoad(TABLE, "a-1", "0.1.0", {DAY: Part("Prices")})
    tries = []

    def write(cursor, _):
        with beside(cursor, snapshot, 20):
            snapshot.fill(cursor, ("name", "value"), io.BytesIO(b"x,1\n"))
            tries.append(1)
            if len(tries) == 1:
                raise Retryable("the server asks for that")

    prices.load_partition(snapshot, write)

    assert prices.query("SELECT row_count FROM public.etl_load") == [(len(values(prices)),)] == [(1,)]


def test_an_earlier_day_is_refused_and_changes_nothing(prices):
    load(prices, 3, partition=NEXT_DAY)

    with pytest.raises(CheckFailed, match="what is loaded is of insert_date=2017-11-11, which is later"):
        load(prices, 1, attempt="a-2", partition=DAY)

    assert values(prices) == [3]


def test_an_error_while_loading_leaves_what_was_there(prices):
    load(prices, 1)

    with pytest.raises(psycopg2.errors.InvalidTextRepresentation):
        load(prices, "no number", attempt="a-2", partition=NEXT_DAY)

    assert values(prices) == [1]
    assert prices.query("SELECT count(*) FROM pg_class WHERE relname = 'price_2'") == [(0,)]


def test_an_error_of_the_lake_while_loading_is_raised_as_it_is(prices):
    class Broken(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            raise SourceUnavailable("the lake is away")

    snapshot = SnapshotLoad(TABLE, "a-1", "0.1.0", {DAY: Part("Prices")})

    def write(cursor, _):
        with beside(cursor, snapshot, 20):
            snapshot.fill(cursor, ("name", "value"), Broken())

    with pytest.raises(SourceUnavailable, match=r"^the lake is away"):
        prices.load_partition(snapshot, write)


def test_a_reader_of_before_the_swap_sees_the_new_rows_or_the_old_but_never_none(prices):
    load(prices, 1)
    with prices.transaction() as reader:
        # It has its snapshot now, and has not touched the table.
        reader.execute("SELECT 1")
        load(prices, 2, attempt="a-2", partition=NEXT_DAY)

        reader.execute("SELECT value FROM public.price")

        assert reader.fetchall() == [(2,)]


def test_a_load_waits_for_who_reads_and_lets_others_read_meanwhile(prices):
    load(prices, 1)
    with prices.transaction() as reader:
        reader.execute("SELECT value FROM public.price")
        loading = threading.Thread(target=load, args=(prices, 2), kwargs={"attempt": "a-2", "partition": NEXT_DAY})
        loading.start()
        time.sleep(1.5)
        began = time.monotonic()

        assert values(prices) == [1]

        assert time.monotonic() - began < 5
        assert loading.is_alive()
    loading.join(20)
    assert values(prices) == [2]


def test_a_load_does_not_wait_for_a_reader_for_ever(prices):
    load(prices, 1)
    with prices.transaction() as reader:
        reader.execute("SELECT value FROM public.price")

        with pytest.raises(SourceUnavailable, match=r"waited 1 s .* that of postgres, process \d+, since 20"):
            load(prices, 2, attempt="a-2", partition=NEXT_DAY, wait_seconds=1)

    assert values(prices) == [1]


def test_who_waits_for_a_long_reader_seldom_stands_in_the_way_of_another(prices):
    load(prices, 1)
    waited = 0.0
    with prices.transaction() as reader:
        reader.execute("SELECT value FROM public.price")
        loading = threading.Thread(target=load, args=(prices, 2), kwargs={"attempt": "a-2", "partition": NEXT_DAY})
        loading.start()
        ends = time.monotonic() + 2
        with prices.transaction() as other:
            while (began := time.monotonic()) < ends:
                other.execute("SAVEPOINT look; SELECT value FROM public.price; ROLLBACK TO SAVEPOINT look")
                waited += time.monotonic() - began if time.monotonic() - began > 0.05 else 0
    loading.join(20)
    assert waited < 0.5


def test_an_index_is_made_before_readers_wait(prices, monkeypatch):
    with prices.transaction() as cursor:
        cursor.execute('CREATE INDEX "by ON price" ON public.price (name, value DESC) WHERE value > 0')
        cursor.execute("CREATE INDEX by_value ON public.price (value) INCLUDE (name)")
    swap, seen = snapshots._swap, []

    def look(cursor, *arguments):
        cursor.execute("SELECT indexrelid FROM pg_index WHERE indrelid = 'public.price_1'::regclass ORDER BY 1")
        seen.extend(cursor.fetchall())
        swap(cursor, *arguments)

    monkeypatch.setattr(snapshots, "_swap", look)
    load(prices, 1)

    taken = "SELECT inhrelid FROM pg_inherits JOIN pg_index ON inhparent = indexrelid ORDER BY 1"
    assert len(seen) == 2
    assert prices.query(taken) == seen
