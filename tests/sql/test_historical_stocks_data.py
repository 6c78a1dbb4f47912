"""A row that is inserted into the table of stocks is as one that was copied, and is shown as it was published."""

from __future__ import annotations

import datetime
from decimal import Decimal

import pytest

from pipeline.core.sql_files import read_sql
from pipeline.core.sql_text import inserted_columns
from pipeline.stocks import HistoricalStocks

TABLE = HistoricalStocks.table
VALUES = (
    datetime.date(2017, 11, 10),
    *map(Decimal, ("1.5", "2", "0", "1.2")),
    300,
    -19.999999999999996,
    Decimal("-0.3"),
)
PUBLISHED = ("2017-11-10", "1.5", "2", "0", "1.2", "300", "-19.999999999999996", "-0.3", 'it\'s, "a"')


@pytest.fixture
def prices(postgres):
    postgres.create_tables("stocks/database.sql")
    with postgres.transaction() as cursor:
        cursor.execute(f"CREATE TABLE public.some_prices PARTITION OF {TABLE} DEFAULT")
    return postgres


def test_a_row_that_is_inserted_is_as_one_that_was_copied(prices):
    columns = inserted_columns(read_sql(HistoricalStocks.insert), TABLE)
    row = dict(zip(columns, (*VALUES, 'it\'s, "a"'), strict=True))

    with prices.transaction() as cursor:
        prices.run_file(cursor, HistoricalStocks.insert, row)
        prices.copy_in(cursor, TABLE, columns, [list(row.values())])

    inserted, copied = prices.query(f"SELECT {', '.join(columns)} FROM {TABLE}")
    assert inserted == copied == tuple(row.values())
    assert prices.query(f"SELECT * FROM {TABLE}_text") == [PUBLISHED, PUBLISHED]
