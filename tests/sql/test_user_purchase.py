"""The extract takes a day's purchases of more than two of a thing, and its fingerprint sees a change of them."""

import datetime
from decimal import Decimal

import pytest
from fixtures_warehouse import DAY, OTHER_DAY, PURCHASES, SCHEMAS

from pipeline.core.sql_files import read_sql

EXTRACT = "user_behaviour/user_purchase.sql"
FINGERPRINT = "user_behaviour/user_purchase_fingerprint.sql"
INSERT = """
INSERT INTO retail.user_purchase VALUES
(%(invoice)s, '85123A', 'LANTERN, "WHITE"', %(quantity)s, %(at)s, %(price)s, %(customer)s, 'United Kingdom')
"""


@pytest.fixture
def shop(postgres):
    """The source database with an empty retail.user_purchase."""
    with postgres.transaction() as cursor:
        cursor.execute(read_sql("user_behaviour/database.sql"))
    return postgres


def given_purchase(shop, invoice="536365", quantity=6, at="2010-12-01 08:26:00", price="2.55", customer=17850):
    row = {"invoice": invoice, "quantity": quantity, "at": at, "price": price, "customer": customer}
    with shop.transaction() as cursor:
        cursor.execute(INSERT, row)


def extracted(shop, *days):
    """Return the rows of days, each after its day."""
    return shop.query(read_sql(EXTRACT), {"insert_dates": days or (DAY,)})


def fingerprints(shop, *days):
    return {day: (rows, digest) for day, rows, digest in shop.query(read_sql(FINGERPRINT), {"insert_dates": days})}


def fingerprint(shop, day=DAY):
    return fingerprints(shop, day)[day]


def test_the_columns_are_those_of_the_external_table(shop):
    given_purchase(shop)

    with shop.transaction() as cursor:
        cursor.execute(read_sql(EXTRACT), {"insert_dates": (DAY,)})
        assert [column.name for column in cursor.description] == ["insert_date", *SCHEMAS[PURCHASES].names]
        [row] = cursor.fetchall()

    assert row == (
        *(DAY, "536365", "85123A", 'LANTERN, "WHITE"', 6, datetime.datetime(2010, 12, 1, 8, 26)),
        *(Decimal("2.550"), 17850, "United Kingdom"),
    )


@pytest.mark.parametrize(("quantity", "is_taken"), [(3, True), (2, False), (-6, False), (None, False)])
def test_more_than_two_of_a_thing_are_taken(shop, quantity, is_taken):
    given_purchase(shop, quantity=quantity)

    assert bool(extracted(shop)) == is_taken
    assert fingerprint(shop)[0] == is_taken


@pytest.mark.parametrize("at", ["2010-12-01 00:00:00", "2010-12-01 23:59:59.999999"])
def test_a_day_is_from_midnight_to_midnight(shop, at):
    given_purchase(shop, at=at)

    assert len(extracted(shop)) == 1
    assert extracted(shop, OTHER_DAY) == extracted(shop, DAY - datetime.timedelta(days=1)) == []


def test_purchases_of_nobody_and_equal_purchases_are_kept(shop):
    for _ in range(2):
        given_purchase(shop, customer=None)

    assert len(extracted(shop)) == 2


def given_a_year(shop):
    """Fill the table with an invoice of each of 366 days, and as many others that are not extracted."""
    with shop.transaction() as cursor:
        cursor.execute(
            "INSERT INTO retail.user_purchase SELECT 'y', 's', 'd', 2 + number % 2, timestamp '2010-12-01 08:00'"
            " + number / 2 * interval '1 day', 1, 1, 'UK' FROM generate_series(0, 731) AS number"
        )
        cursor.execute("ANALYZE retail.user_purchase")


@pytest.mark.parametrize("file", [EXTRACT, FINGERPRINT])
@pytest.mark.parametrize("number", [1, 2, 100])
def test_each_day_is_found_by_the_index_and_no_row_is_sorted(shop, file, number):
    given_a_year(shop)
    days = tuple(DAY + datetime.timedelta(365 // number * each) for each in range(number))
    with shop.transaction() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute("EXPLAIN " + read_sql(file), {"insert_dates": days})
        plan = [line for (line,) in cursor.fetchall()]

    [joined] = [number for number, line in enumerate(plan) if "Nested Loop" in line]
    assert any("user_purchase_invoice_date" in line for line in plan[joined:])
    assert not any("Sort" in line for line in plan[:joined])


def test_days_come_one_after_the_other_without_those_between_them(shop):
    given_a_year(shop)
    days = [DAY + datetime.timedelta(number) for number in (30, 0, 300)]

    assert [row[0] for row in extracted(shop, *days)] == sorted(days)


def test_days_have_the_fingerprints_that_each_has_alone(shop):
    given_purchase(shop, invoice="1")
    given_purchase(shop, invoice="2", at="2010-12-03 10:00:00")
    days = [DAY + datetime.timedelta(number) for number in range(4)]

    together = fingerprints(shop, *days)

    assert together == {day: fingerprint(shop, day) for day in days}
    assert [together[day][0] for day in days] == [1, 0, 1, 0]


def test_a_day_without_purchases_has_a_fingerprint(shop):
    assert fingerprint(shop) == (0, 0)


def test_the_fingerprint_does_not_see_the_order_of_the_rows(shop):
    for invoice in ("1", "2"):
        given_purchase(shop, invoice=invoice)
    before = fingerprint(shop)
    with shop.transaction() as cursor:
        cursor.execute("DELETE FROM retail.user_purchase WHERE invoice_number = '1'")

    given_purchase(shop, invoice="1")

    assert fingerprint(shop) == before


@pytest.mark.parametrize(
    "change",
    [
        "DELETE FROM retail.user_purchase WHERE invoice_number = '1'",
        "UPDATE retail.user_purchase SET unit_price = unit_price + 0.001 WHERE invoice_number = '1'",
        "UPDATE retail.user_purchase SET customer_id = NULL",
        "UPDATE retail.user_purchase SET detail = ''",
        "INSERT INTO retail.user_purchase SELECT * FROM retail.user_purchase",
    ],
)
def test_the_fingerprint_sees_every_change_of_the_day(shop, change):
    for invoice in ("1", "2"):
        given_purchase(shop, invoice=invoice)
    before = fingerprint(shop)

    with shop.transaction() as cursor:
        cursor.execute(change)

    assert fingerprint(shop) != before


def test_the_fingerprint_does_not_see_what_is_not_extracted(shop):
    given_purchase(shop)
    before = fingerprint(shop)

    given_purchase(shop, quantity=1)
    given_purchase(shop, at="2010-12-02 00:00:00")

    assert fingerprint(shop) == before
