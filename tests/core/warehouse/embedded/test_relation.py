"""A query of an external table reads the files of the partitions that it selects, with the types declared."""

import datetime
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pytest
from fixtures_warehouse import DAY, OTHER_DAY, PURCHASES, REVIEWS, given_purchases, given_reviews, given_rows
from pyarrow import parquet

from pipeline.core.errors import CheckFailed, PipelineError, SourceUnavailable
from pipeline.core.lake import Partition

COUNT = f"SELECT count(*) FROM {PURCHASES}"


def given_unreadable(warehouse, table, day=OTHER_DAY):
    warehouse.set_external_partitions(table, {Partition.of_date(day): "/nowhere"})


def test_a_table_without_partitions_is_empty_and_typed(warehouse):
    table = warehouse.query_table(f"SELECT * FROM {REVIEWS}")

    assert table == (["cid", "positive_review", "insert_date"], [])


def test_rows_come_with_the_value_of_their_partition(warehouse):
    given_reviews(warehouse, customer=1, positive=[True])
    given_reviews(warehouse, customer=2, positive=[False], day=OTHER_DAY)

    rows = warehouse.query(f"SELECT * FROM {REVIEWS} ORDER BY cid")

    assert rows == [("1", True, DAY), ("2", False, OTHER_DAY)]


def test_every_declared_type_arrives(warehouse):
    at = datetime.datetime(2010, 12, 1, 8, 26)
    row = ["536365", "85123A", 'WHITE, "HANGING"', 6, at, Decimal("2.550"), None, "United Kingdom"]
    columns = [field.name for field in parquet.read_schema(given_purchase_file(warehouse))]
    given_rows(warehouse, PURCHASES, [dict(zip(columns, row, strict=True))])

    assert warehouse.query(f"SELECT * FROM {PURCHASES} WHERE invoiceno IS NOT NULL") == [(*row, DAY)]


def given_purchase_file(warehouse) -> Path:
    given_purchases(warehouse, customer=1, prices=["1"])
    return next((warehouse.path.parent / PURCHASES / str(DAY)).iterdir())


@pytest.mark.parametrize(
    "where",
    [
        "insert_date = %(day)s",
        "quantity > 0 AND (insert_date <= %(day)s AND customerid = 1)",
        "user_purchase_staging.insert_date BETWEEN %(day)s AND %(day)s",
        "insert_date IN (%(day)s, date '2010-11-30')",
        "insert_date IN %(days)s",
        "INSERT_DATE < date '2010-12-02'",
    ],
)
def test_only_the_partitions_that_the_conditions_select_are_read(warehouse, where):
    given_purchases(warehouse, customer=1, prices=["1", "2"])
    given_unreadable(warehouse, PURCHASES)

    assert warehouse.query(f"{COUNT} WHERE {where}", {"day": DAY, "days": (DAY,)}) == [(2,)]


@pytest.mark.parametrize("where", ["insert_date = %(day)s OR quantity = 3", "quantity = 3", "1 = 1"])
def test_what_is_no_condition_on_the_partitions_reads_all(warehouse, where):
    given_purchases(warehouse, customer=1, prices=["1"])
    given_unreadable(warehouse, PURCHASES)

    with pytest.raises(SourceUnavailable, match="/nowhere is in the external catalogue, but holds no data"):
        warehouse.query(f"{COUNT} WHERE {where}", {"day": DAY})


def test_each_side_of_a_join_reads_its_own_partitions(warehouse):
    given_purchases(warehouse, customer=1, prices=["1"])
    given_unreadable(warehouse, PURCHASES)
    given_reviews(warehouse, customer=1, positive=[True], day=OTHER_DAY)
    given_unreadable(warehouse, REVIEWS, DAY)
    join = f"{COUNT} AS p JOIN {REVIEWS} AS r ON p.customerid = r.cid AND r.insert_date = %(other)s"

    rows = warehouse.query(f"{join} WHERE p.insert_date = %(day)s", {"day": DAY, "other": OTHER_DAY})

    assert rows == [(1,)]


def test_a_condition_on_what_an_outer_join_fills_in_drops_nothing_before_it(warehouse):
    given_purchases(warehouse, customer=1, prices=["1"])
    given_purchases(warehouse, customer=2, prices=["1"])
    given_reviews(warehouse, customer=1, positive=[True])
    join = f"SELECT p.customerid FROM {PURCHASES} AS p LEFT JOIN {REVIEWS} AS r ON p.customerid = r.cid"

    assert warehouse.query(f"{join} WHERE r.insert_date IS NULL") == [(2,)]


def test_a_full_join_keeps_the_rows_of_both_sides(warehouse):
    given_reviews(warehouse, customer=1, positive=[True])
    given_reviews(warehouse, customer=2, positive=[True], day=OTHER_DAY)
    join = f"SELECT a.cid, b.cid FROM {REVIEWS} AS a FULL JOIN {REVIEWS} AS b ON a.cid = b.cid"

    rows = warehouse.query(f"{join} AND a.insert_date = %(day)s AND b.insert_date = %(day)s", {"day": DAY})

    assert sorted(rows, key=str) == [("1", "1"), ("2", None), (None, "2")]


def test_hidden_files_do_not_count(warehouse):
    folder = given_rows(warehouse, REVIEWS, [{"cid": "1", "positive_review": True}])
    for name in ("_SUCCESS", ".part-0.crc", "#x", "part~"):
        (folder / name).write_text("no parquet")

    assert warehouse.query(f"SELECT cid FROM {REVIEWS}") == [("1",)]


@pytest.mark.parametrize(
    ("cid", "positive", "found"),
    [
        (pa.array([1]), pa.array([True]), "the column cid is BIGINT"),
        (pa.array(["1"]), pa.array([1], pa.uint8()), "the column positive_review is UTINYINT"),
        (pa.array(["1"]), None, "the column positive_review is missing"),
    ],
)
def test_a_file_that_spectrum_could_not_read_is_refused(warehouse, tmp_path, cid, positive, found):
    columns = {"cid": cid} if positive is None else {"cid": cid, "positive_review": positive}
    (tmp_path / "given").mkdir()
    parquet.write_table(pa.table(columns), tmp_path / "given/part.parquet")
    warehouse.set_external_partitions(REVIEWS, {Partition.of_date(DAY): str(tmp_path / "given")})

    with pytest.raises(CheckFailed, match=found):
        warehouse.query(f"SELECT * FROM {REVIEWS}")


@pytest.mark.parametrize("day", [DAY, OTHER_DAY])
def test_a_file_of_any_partition_that_spectrum_could_not_read_is_refused(warehouse, day):
    for other in (DAY, OTHER_DAY):
        folder = given_rows(warehouse, REVIEWS, [{"cid": "1", "positive_review": True}], other)
        if other == day:
            parquet.write_table(pa.table({"cid": [1], "positive_review": [True]}), folder / "part-0000.parquet")

    with pytest.raises(CheckFailed, match=f"the column cid is BIGINT in .*{day}"):
        warehouse.query(f"SELECT * FROM {REVIEWS}")


@pytest.mark.parametrize("options", [{"use_deprecated_int96_timestamps": True}, {"coerce_timestamps": "us"}])
def test_timestamps_of_both_writers_are_read(warehouse, options):
    file = given_purchase_file(warehouse)
    at = datetime.datetime(2010, 12, 1, 8, 26)
    rows = parquet.read_table(file)
    column = pa.array([at], pa.timestamp("us"))
    parquet.write_table(rows.set_column(4, rows.schema.field("invoicedate"), column), file, **options)

    assert warehouse.query(f"SELECT invoicedate FROM {PURCHASES}") == [(at,)]


def test_columns_that_an_alias_renames_are_no_partition_keys(warehouse):
    given_reviews(warehouse, customer=1, positive=[True])

    rows = warehouse.query(
        f"SELECT classified FROM {REVIEWS} AS r (insert_date, classified, day) WHERE insert_date = '1'"
    )

    assert rows == [(True,)]


@pytest.mark.parametrize(
    "statement",
    [
        f"DELETE FROM {REVIEWS}",
        f"INSERT INTO {REVIEWS} SELECT '1', true",
        f"CREATE VIEW public.review AS SELECT * FROM {REVIEWS}",
    ],
)
def test_an_external_table_can_only_be_read(warehouse, statement):
    with pytest.raises(PipelineError, match=f"{REVIEWS} is external, and can only be read"):
        warehouse.query(statement)


def test_a_table_that_the_catalogue_does_not_have_is_named(warehouse):
    with pytest.raises(PipelineError, match=r"no external table spectrum\.reviews"):
        warehouse.query("SELECT * FROM spectrum.reviews")


def test_rows_of_an_external_table_can_be_copied_into_one_of_the_warehouse(warehouse):
    given_reviews(warehouse, customer=1, positive=[True])

    with warehouse.transaction() as cursor:
        cursor.execute(
            f"CREATE TABLE public.review AS SELECT cid FROM {REVIEWS} WHERE insert_date = %(day)s", {"day": DAY}
        )

    assert warehouse.query("SELECT * FROM public.review") == [("1",)]


def test_hundreds_of_partitions_at_one_place_are_one_query(warehouse):
    folder = given_rows(warehouse, REVIEWS, [{"cid": "1", "positive_review": True}])
    days = [DAY + datetime.timedelta(days=number) for number in range(250)]

    warehouse.set_external_partitions(REVIEWS, {Partition.of_date(day): str(folder) for day in days})

    assert warehouse.query(f"SELECT count(*), count(DISTINCT insert_date) FROM {REVIEWS}") == [(250, 250)]
