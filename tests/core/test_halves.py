"""A load whose file two sessions copy, a half each: as one table for readers, and nothing is left where it fails."""

from __future__ import annotations

import io

import psycopg2
import pytest

from pipeline.core.database import Database, halves, snapshots
from pipeline.core.database.halves import CsvFile, halved
from pipeline.core.database.snapshots import SnapshotLoad, beside
from pipeline.core.etl_load import Part
from pipeline.core.lake import Partition

DAY = Partition("insert_date", "2017-11-10")
NEXT_DAY = Partition("insert_date", "2017-11-11")
# Whose names come in another order than that of the alphabet.
ROWS = [("z", 1), ("z", 2), ("a", 3), ("a", 4), ("m", 5), ("m", 6), ("b", 7), ("b", 8)]
IN_ORDER = "SELECT name, value FROM public.price ORDER BY tableoid::regclass::text, ctid"
LEFT = r"SELECT relname FROM pg_class WHERE relname ~ '^price_\w+_second$' AND NOT relispartition"


@pytest.fixture
def prices(postgres: Database, monkeypatch) -> Database:
    """Return a database with an empty table of prices, of which any file is large."""
    monkeypatch.setattr(halves, "HALVED_FROM", 0)
    with postgres.transaction() as cursor:
        cursor.execute("CREATE TABLE public.price (name text, value int) PARTITION BY LIST (name)")
        cursor.execute("CREATE TABLE public.price_etl_lock (held integer)")
    return postgres


def load(prices, rows, attempt="a-1", partition=DAY):
    """Replace the table by rows, and say how many sessions copied them."""
    snapshot = SnapshotLoad("public.price", attempt, "0.1.0", {partition: Part("Prices")})
    sessions = []
    text = "".join(f"{name},{value}\n" for name, value in rows).encode()
    file = CsvFile(lambda: io.BytesIO(text), len(text))

    def write(cursor, _):
        with (
            halved(prices.transaction, cursor, snapshot, ("name", "value"), [file]) as cut,
            beside(cursor, snapshot, 20, cut),
        ):
            snapshot.fill(cursor, ("name", "value"), cut.first_half() if cut else file.open())
        sessions.append(2 if cut else 1)

    prices.load_partition(snapshot, write)
    return sessions[-1]


def leaves(prices):
    return prices.query("SELECT count(*) FROM pg_partition_tree('public.price') WHERE isleaf AND level > 0")[0][0]


def test_both_halves_are_one_table_in_the_order_of_the_file(prices):
    assert load(prices, ROWS) == 2

    assert prices.query("SELECT name, value FROM public.price") == prices.query(IN_ORDER) == ROWS
    assert prices.query("SELECT row_count FROM public.etl_load") == [(8,)]
    assert leaves(prices) == 2


def test_nothing_is_left_of_halves_that_were_replaced(prices):
    load(prices, ROWS)

    load(prices, ROWS[:1], "a-2", NEXT_DAY)

    assert prices.query(IN_ORDER) == ROWS[:1]
    assert prices.query(r"SELECT relname FROM pg_class WHERE relname LIKE 'price\_1%%'") == []


def test_a_key_with_rows_in_both_halves_has_all_in_one_table(prices):
    rows = [*ROWS, ("z", 9)]

    assert load(prices, rows) == 2

    assert prices.query(IN_ORDER) == rows
    assert prices.query("SELECT row_count FROM public.etl_load") == [(9,)]
    assert leaves(prices) == 1
    assert prices.query(LEFT) == []


@pytest.mark.parametrize("rows", [ROWS, [*ROWS, ("z", 9)]])
def test_a_reader_of_before_the_swap_sees_all_rows_of_both_halves(prices, rows):
    with prices.transaction() as reader:
        reader.execute("SELECT 1")
        load(prices, rows)

        reader.execute(IN_ORDER)

        assert reader.fetchall() == rows


@pytest.mark.parametrize("place", [0, len(ROWS) - 1])
def test_an_error_in_either_half_leaves_what_was_there(prices, place):
    load(prices, ROWS)
    broken = [(name, "no number" if number == place else value) for number, (name, value) in enumerate(ROWS)]

    with pytest.raises(psycopg2.errors.InvalidTextRepresentation):
        load(prices, broken, "a-2", NEXT_DAY)

    assert prices.query(IN_ORDER) == ROWS
    assert prices.query("SELECT max(partition_key) FROM public.etl_load") == [(str(DAY),)]


@pytest.mark.parametrize("rows", [ROWS, ROWS[:2]])
def test_what_a_load_left_that_ended_before_the_swap_is_dropped_by_the_next(prices, monkeypatch, rows):
    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(snapshots, "_swap", killed)
        load(prices, ROWS)
    left = prices.query(LEFT)

    load(prices, rows, "a-2")

    assert (left, prices.query(LEFT)) == ([("price_1_second",)], [])
    assert prices.query(IN_ORDER) == rows


def killed(*arguments):
    raise KeyboardInterrupt


def test_a_load_that_is_stopped_does_not_wait_for_the_second_half_to_be_copied(prices, monkeypatch):
    monkeypatch.setattr(SnapshotLoad, "fill", killed)

    with pytest.raises(KeyboardInterrupt):
        load(prices, [*(("a", number) for number in range(200_000)), *(("b", 1) for _ in range(200_000))])

    assert prices.query(LEFT) == []


def test_both_halves_have_the_indexes_before_readers_wait(prices, monkeypatch):
    with prices.transaction() as cursor:
        cursor.execute("CREATE INDEX by_value ON public.price (value)")
    swap, seen = snapshots._swap, []

    def look(cursor, *arguments):
        cursor.execute("SELECT relid::text FROM pg_partition_tree('price_1_whole') JOIN pg_index ON indrelid = relid")
        seen.extend(sorted(cursor.fetchall()))
        swap(cursor, *arguments)

    monkeypatch.setattr(snapshots, "_swap", look)
    load(prices, ROWS)

    # Those of the second half are of a transaction that this one's snapshot does not see.
    assert seen == [("price_1",), ("price_1_whole",)]
    assert prices.query("SELECT count(*) FROM pg_partition_tree('public.by_value') WHERE isleaf") == [(2,)]


@pytest.mark.parametrize("rows", [ROWS[:2], [*[("z", 1)] * 5, ('"x,1\ny,5\nz,3"', 4)]])
def test_a_file_that_has_no_place_to_cut_is_copied_by_one_session(prices, rows):
    assert load(prices, rows) == 1

    assert prices.query(IN_ORDER) == [(name.strip('"'), value) for name, value in rows]


def test_a_table_with_a_unique_index_has_one_session(prices):
    with prices.transaction() as cursor:
        cursor.execute("CREATE UNIQUE INDEX one ON public.price (name, value)")

    assert load(prices, ROWS) == 1

    assert prices.query(IN_ORDER) == ROWS
