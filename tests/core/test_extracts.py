"""Days that are extracted together are as those that are extracted alone, and one that fails fails alone."""

from __future__ import annotations

from decimal import Decimal

import luigi
import pyarrow as pa
import pytest
from fixtures_days import DAYS
from pyarrow import parquet

from pipeline.core.database import copies, database
from pipeline.core.errors import CheckFailed, JobFailed, SourceUnavailable
from pipeline.core.lake import Partition, lake
from pipeline.user_behaviour import UserPurchase

FIRST, SECOND, THIRD, FOURTH = DAYS[:4]


@pytest.fixture(autouse=True)
def purchases(days):
    """Purchases of the first, the third and the fourth day."""
    # A task knows how it ended, and Luigi gives out the one that it has made already.
    luigi.task.Register.clear_instance_cache()
    days.given_purchases(FIRST, "1.00", "2.00")
    days.given_purchases(THIRD, "3.00")
    days.given_purchases(FOURTH, "4.00")
    return days


@pytest.fixture
def copied(monkeypatch):
    """The statements whose rows were copied."""
    statements, copy_out = [], copies.copy_out

    def noting(cursor, sql, params=None):
        statements.append(sql)
        return copy_out(cursor, sql, params)

    monkeypatch.setattr(copies, "copy_out", noting)
    return statements


def extract(*days):
    """Return how each day ended."""
    task = UserPurchase(date=days)
    ends = task.make_together(task.each())
    return {one.date: end for one, end in ends.items()}


def manifest(day):
    return lake().manifest(UserPurchase.dataset, Partition.of_date(day))


def found(day):
    """Return what a day's manifest and its file hold."""
    one = manifest(day)
    [file] = one.files
    with lake().open(one, file.name) as stream:
        return one.rows, one.inputs, one.schema, file.rows, parquet.read_table(stream)


def prices(day):
    return found(day)[-1]["unitprice"].to_pylist()


def test_days_that_are_extracted_together_are_as_each_is_alone(settings, tmp_path, copied):
    extract(FIRST, SECOND, THIRD)
    together, statements = [found(day) for day in (FIRST, SECOND, THIRD)], len(copied)
    settings("lake", "root", str(tmp_path / "another"))
    for day in (FIRST, SECOND, THIRD):
        UserPurchase(date=day).make()

    assert together == [found(day) for day in (FIRST, SECOND, THIRD)]
    assert statements == 1
    assert [table["unitprice"].to_pylist() for *_, table in together] == [[Decimal(1), Decimal(2)], [], [Decimal(3)]]


def test_a_day_that_has_other_rows_than_were_counted_fails_alone(monkeypatch):
    counted = UserPurchase._fingerprints.__func__

    def one_more(cls, store, cursor, tasks):
        there = counted(cls, store, cursor, tasks)
        return {task: one | {"rows": one["rows"] + (task.date == THIRD)} for task, one in there.items()}

    monkeypatch.setattr(UserPurchase, "_fingerprints", classmethod(one_more))
    ends = extract(FIRST, THIRD, FOURTH)

    assert isinstance(ends[THIRD], CheckFailed)
    assert "stage/user_purchase/insert_date=2010-12-03: 2 rows of retail.user_purchase, but 1" in str(ends[THIRD])
    assert [prices(day) for day in (FIRST, FOURTH)] == [[Decimal(1), Decimal(2)], [Decimal(4)]]


def test_a_value_that_does_not_fit_fails_its_day_alone(monkeypatch, caplog):
    schema = UserPurchase.schema
    narrow = schema.set(schema.get_field_index("unitprice"), pa.field("unitprice", pa.decimal128(4, 3)))
    monkeypatch.setattr(UserPurchase, "schema", narrow)
    with database().transaction() as cursor:
        cursor.execute("UPDATE retail.user_purchase SET unit_price = 12345 WHERE invoice_date = '2010-12-03'")

    ends = extract(FIRST, THIRD, FOURTH)

    assert isinstance(ends[THIRD], JobFailed)
    assert "stage/user_purchase/insert_date=2010-12-03: a row of retail.user_purchase does not fit" in str(ends[THIRD])
    assert [prices(day) for day in (FIRST, FOURTH)] == [[Decimal(1), Decimal(2)], [Decimal(4)]]
    assert "Each of the 3 days is copied by itself" in caplog.text


def test_rows_that_do_not_come_day_by_day_are_copied_day_by_day(monkeypatch, copied):
    copy_out = copies.copy_out

    def mixed(cursor, sql, params):
        apart = f"SELECT * FROM ({sql.replace(';', '')}) AS purchase ORDER BY mod(unitprice, 2), unitprice"
        return copy_out(cursor, apart, params)

    monkeypatch.setattr(copies, "copy_out", mixed)
    with database().transaction() as cursor:
        cursor.execute("UPDATE retail.user_purchase SET unit_price = 7 WHERE unit_price = 2")
        cursor.execute("UPDATE retail.user_purchase SET unit_price = 2 WHERE unit_price = 1")

    extract(FIRST, THIRD, FOURTH)

    assert [prices(day) for day in (FIRST, THIRD, FOURTH)] == [[Decimal(2), Decimal(7)], [Decimal(3)], [Decimal(4)]]
    assert len(copied) == 4


def test_the_sources_of_many_days_are_told_by_one_query(calls):
    tasks = [UserPurchase(date=day) for day in DAYS]
    calls.clear()

    now = UserPurchase.sources_now(tasks)

    assert calls["transaction"] == 1
    assert [now[task]["rows"] for task in tasks] == [2, 0, 1, 1, *[0] * 26]
    assert now[tasks[0]] == tasks[0].source_now()


def test_a_source_that_is_away_is_so_for_each_day(settings):
    settings("database", "url", "postgresql://nobody@127.0.0.1:9/shop")
    tasks = [UserPurchase(date=day) for day in (FIRST, SECOND)]

    now = UserPurchase.sources_now(tasks)

    assert [type(now[task]) for task in tasks] == [SourceUnavailable] * 2
