"""What etl_load says of a partition of a table, and how a load changes it."""

from __future__ import annotations

import json

import pytest
from fixtures_sales import DAY, NEXT_DAY, TABLE, a_load, add, customers, load

from pipeline.core.errors import CommitLost, PipelineError, SourceUnavailable
from pipeline.core.etl_load import LoadState
from pipeline.core.etl_load.load import delete_statement, lock_statement
from pipeline.core.lake import Input, Partition


def test_a_partition_never_loaded_is_not_complete(sales):
    assert sales.load_state(TABLE, DAY) == LoadState(None, None)
    assert not sales.load_state(TABLE, DAY).is_complete


def test_a_loaded_partition_is_complete_and_says_how_it_was_made(sales):
    source = Input("stage/user_purchase", str(DAY), "p7")

    with sales.loading(a_load(inputs=(source,))) as cursor:
        add(cursor, 1, 2)

    [row] = sales.query("SELECT partition_key, attempt, inputs, row_count, code_version, task_id FROM public.etl_load")
    assert sales.load_state(TABLE, DAY).is_complete
    assert row[:2] + row[3:] == ("insert_date=2010-12-01", "a1", 2, "0.1.0", "Sale_a1")
    assert json.loads(row[2])[0]["attempt"] == "p7"


def test_a_load_is_dated_in_utc(sales):
    load(sales, 1)

    [(seconds,)] = sales.query(
        "SELECT extract(epoch FROM now() AT TIME ZONE 'UTC' - loaded_at)::float FROM public.etl_load"
    )
    assert 0 <= seconds < 60


def test_a_load_replaces_its_own_partition_only(sales):
    with sales.transaction() as cursor:
        add(cursor, 7, 8)
        add(cursor, 9, partition=NEXT_DAY)

    load(sales, 1)

    assert customers(sales) == [1]
    assert customers(sales, NEXT_DAY) == [9]


def test_the_complete_partitions_come_in_one_query(sales):
    load(sales, 1, partition=DAY)
    load(sales, 2, partition=NEXT_DAY)
    sales.request_rerun(TABLE, NEXT_DAY)

    assert sales.loaded_partitions(TABLE) == {"insert_date=2010-12-01"}
    assert sales.loaded_partitions("public.another") == set()


def test_an_error_while_loading_leaves_what_was_there(sales):
    load(sales, 1)
    sales.request_rerun(TABLE, DAY)
    before = sales.load_state(TABLE, DAY)

    with pytest.raises(ZeroDivisionError), sales.loading(a_load("a2", seen=before)) as cursor:
        add(cursor, 2)
        raise ZeroDivisionError

    assert customers(sales) == [1]
    assert sales.load_state(TABLE, DAY) == before


def test_a_partition_that_is_complete_is_not_loaded_again(sales):
    load(sales, 1)

    with pytest.raises(CommitLost, match="a1 loaded it already"):
        load(sales, 2, attempt="a2")

    assert customers(sales) == [1]


def test_a_rerun_replaces_the_rows_and_is_complete_again(sales):
    load(sales, 1)
    sales.request_rerun(TABLE, DAY)
    seen = sales.load_state(TABLE, DAY)

    load(sales, 2, attempt="a2", seen=seen)

    assert not seen.is_complete
    assert customers(sales) == [2]
    assert sales.load_state(TABLE, DAY) == LoadState("a2", None)
    assert sales.query("SELECT count(*) FROM public.etl_load") == [(1,)]


def test_until_a_rerun_is_loaded_readers_see_the_old_rows(sales):
    load(sales, 1)
    sales.request_rerun(TABLE, DAY)
    seen = [customers(sales)]

    with sales.loading(a_load("a2", seen=sales.load_state(TABLE, DAY))) as cursor:
        seen.append(customers(sales))
        add(cursor, 2)
        seen.append(customers(sales))

    assert (seen, customers(sales)) == ([[1]] * 3, [2])


def test_a_load_that_has_not_seen_the_rerun_request_is_tried_again(sales):
    load(sales, 1)
    sales.request_rerun(TABLE, DAY)

    with pytest.raises(SourceUnavailable, match="asked for again"):
        load(sales, 2, attempt="a2", seen=LoadState())

    assert customers(sales) == [1]


def test_what_was_never_loaded_cannot_be_asked_for_again(sales):
    with pytest.raises(PipelineError, match="never loaded"):
        sales.request_rerun(TABLE, DAY)


def test_statements_name_tables_and_columns_and_bind_values():
    assert lock_statement("public.CarPark") == 'LOCK TABLE "public"."CarPark_etl_lock"'
    assert delete_statement("public.sale", DAY.key) == 'DELETE FROM "public"."sale" WHERE "insert_date" IN %(values)s'


@pytest.mark.parametrize("name", ['public.sale"; DROP TABLE x', "public.sale; SELECT 1", "public.", "", "1sale"])
def test_what_is_no_name_of_a_table_reaches_no_statement(name):
    with pytest.raises(ValueError, match="no name"):
        delete_statement(name, DAY.key)


def test_a_partition_by_month_or_by_slot_is_loaded_like_a_day(sales):
    slot = Partition("minute", "2026-11-22T1005")
    with sales.transaction() as cursor:
        cursor.execute("ALTER TABLE public.sale ADD COLUMN minute varchar(20)")

    with sales.loading(a_load(partition=slot)) as cursor:
        cursor.execute("INSERT INTO public.sale (customerid, minute) VALUES (1, %s)", (slot.value,))

    assert sales.query("SELECT partition_key, row_count FROM public.etl_load") == [("minute=2026-11-22T1005", 1)]
