"""The metric counts each purchase and each review of a customer once, and its checks find each broken promise."""

from decimal import Decimal

import pytest
from fixtures_warehouse import DAY, OTHER_DAY, given_purchases, given_reviews

FILE = "user_behaviour/user_behavior_metric.sql"
CHECKS = "user_behaviour/user_behavior_metric_checks.sql"
TABLE = "public.user_behavior_metric"


def made(warehouse, *days):
    """Return the rows that the file makes of what was given, of one day or of several."""
    with warehouse.transaction() as cursor:
        warehouse.run_file(cursor, FILE, {"insert_dates": days or (DAY,)})
    return rows_of(warehouse, DAY)


def rows_of(warehouse, day):
    columns = "customerid, amount_spent, review_score, review_count"
    return warehouse.query(f"SELECT {columns} FROM {TABLE} WHERE insert_date = %(day)s ORDER BY 1", {"day": day})


def checked(warehouse, *days):
    """Return the errors of the days whose promises are broken."""
    with warehouse.transaction() as cursor:
        broken = warehouse.check_file(cursor, CHECKS, {"insert_dates": days or (DAY,)})
    return {partition.value: str(error) for partition, error in broken.items()}


def run(warehouse, sql):
    with warehouse.transaction() as cursor:
        cursor.execute(sql, {"day": DAY})


def test_reviews_do_not_multiply_what_was_spent(warehouse):
    given_purchases(warehouse, customer=1, prices=["7"])
    given_reviews(warehouse, customer=1, positive=[True, False, True])

    assert made(warehouse) == [(1, Decimal(21), 2, 3)]


def test_purchases_do_not_multiply_the_reviews(warehouse):
    given_purchases(warehouse, customer=1, prices=["7", "1", "1"])
    given_reviews(warehouse, customer=1, positive=[True])

    assert made(warehouse) == [(1, Decimal(27), 1, 1)]


def test_equal_purchases_are_counted_as_often_as_they_are_there(warehouse):
    given_purchases(warehouse, customer=1, prices=["2.55", "2.55"])
    given_reviews(warehouse, customer=1, positive=[False])

    assert made(warehouse) == [(1, Decimal("15.30000"), 0, 1)]


def test_another_dates_reviews_do_not_count(warehouse):
    given_purchases(warehouse, customer=1, prices=["1"])
    given_reviews(warehouse, customer=1, positive=[False])
    given_reviews(warehouse, customer=1, positive=[True, True], day=OTHER_DAY)

    assert made(warehouse) == [(1, Decimal(3), 0, 1)]


def test_another_dates_purchases_do_not_count(warehouse):
    given_purchases(warehouse, customer=1, prices=["1"])
    given_purchases(warehouse, customer=1, prices=["100"], day=OTHER_DAY)
    given_reviews(warehouse, customer=1, positive=[True])

    assert made(warehouse) == [(1, Decimal(3), 1, 1)]


def test_a_customer_without_a_purchase_or_without_a_review_is_left_out(warehouse):
    given_purchases(warehouse, customer=1, prices=["1"])
    given_purchases(warehouse, customer=2, prices=["1"])
    given_reviews(warehouse, customer=2, positive=[True])
    given_reviews(warehouse, customer=3, positive=[True])

    assert made(warehouse) == [(2, Decimal(3), 1, 1)]


def test_purchases_of_nobody_are_left_out(warehouse):
    given_purchases(warehouse, customer=None, prices=["1"])
    given_purchases(warehouse, customer=1, prices=["1"])
    given_reviews(warehouse, customer=1, positive=[True])

    assert made(warehouse) == [(1, Decimal(3), 1, 1)]


def test_a_review_whose_class_is_unknown_is_not_positive(warehouse):
    given_purchases(warehouse, customer=1, prices=["1"])
    given_reviews(warehouse, customer=1, positive=[None, True])

    assert made(warehouse) == [(1, Decimal(3), 1, 2)]


def test_a_price_keeps_its_thousandths(warehouse):
    given_purchases(warehouse, customer=1, prices=["0.001"], quantity=80995)
    given_reviews(warehouse, customer=1, positive=[True])

    assert made(warehouse) == [(1, Decimal("80.99500"), 1, 1)]


def test_a_day_without_purchases_has_no_rows_and_keeps_its_promises(warehouse):
    given_purchases(warehouse, customer=None, prices=[])
    given_reviews(warehouse, customer=1, positive=[True])

    assert made(warehouse) == []
    assert checked(warehouse) == {}


def given_a_good_day(warehouse):
    for customer in (1, 2):
        given_purchases(warehouse, customer, prices=["1", "2.55"])
        given_reviews(warehouse, customer, positive=[True, False])
    given_purchases(warehouse, customer=3, prices=["5"])
    made(warehouse)


def test_a_good_day_keeps_every_promise_whatever_other_days_hold(warehouse):
    given_a_good_day(warehouse)
    run(warehouse, f"INSERT INTO {TABLE} (customerid, insert_date) VALUES (1, date '2010-12-02')")

    assert checked(warehouse) == {}


def test_a_customer_who_was_only_given_things_breaks_no_promise(warehouse):
    given_purchases(warehouse, customer=1, prices=["0"])
    given_reviews(warehouse, customer=1, positive=[True])

    assert made(warehouse) == [(1, Decimal(0), 1, 1)]
    assert checked(warehouse) == {}


ONE_MORE = f"INSERT INTO {TABLE} SELECT * FROM {TABLE} WHERE customerid = 1"
SET = f"UPDATE {TABLE} SET"
BROKEN = [
    (ONE_MORE, "a customer has one row (1 row)"),
    (f"{SET} customerid = NULL WHERE customerid = 1", "a customer has one row (1 row)"),
    (f"{SET} review_count = 0, review_score = 0", "there is a review at least (2 rows)"),
    (f"{SET} review_score = 3", "the score is between 0 and the number of reviews (2 rows)"),
    (f"{SET} review_score = -1", "the score is between 0 and the number of reviews (2 rows)"),
    (f"{SET} review_score = NULL", "the score is between 0 and the number of reviews (2 rows)"),
    (f"{SET} amount_spent = -1", "the amount is known, and not negative (2 rows)"),
    (f"{SET} amount_spent = NULL WHERE customerid = 1", "the amount is known, and not negative (1 row)"),
    (f"DELETE FROM {TABLE} WHERE customerid = 1", "the customers are those with a purchase and a review (1 row)"),
    (f"DELETE FROM {TABLE}", "the customers are those with a purchase and a review (2 rows)"),
    (f"{SET} amount_spent = amount_spent + 0.001", "the amounts add up to what these customers spent (1 row)"),
]


def given_two_days(warehouse):
    given_purchases(warehouse, customer=1, prices=["7", "1"])
    given_reviews(warehouse, customer=1, positive=[True, False])
    given_purchases(warehouse, customer=1, prices=["100"], day=OTHER_DAY)
    given_purchases(warehouse, customer=2, prices=["1"], day=OTHER_DAY)
    given_reviews(warehouse, customer=1, positive=[True], day=OTHER_DAY)


def test_days_that_are_made_together_are_as_those_that_are_made_alone(warehouse):
    given_two_days(warehouse)

    made(warehouse, DAY, OTHER_DAY)

    assert rows_of(warehouse, DAY) == [(1, Decimal(24), 1, 2)]
    assert rows_of(warehouse, OTHER_DAY) == [(1, Decimal(300), 1, 1)]
    assert checked(warehouse, DAY, OTHER_DAY) == {}


@pytest.mark.parametrize(("harm", "promise"), BROKEN)
def test_a_broken_promise_is_found_in_its_day_alone(warehouse, harm, promise):
    given_a_good_day(warehouse)
    given_purchases(warehouse, customer=1, prices=["5"], day=OTHER_DAY)
    given_reviews(warehouse, customer=1, positive=[True], day=OTHER_DAY)
    made(warehouse, OTHER_DAY)

    run(warehouse, f"{harm} {'AND' if 'WHERE' in harm else 'WHERE'} insert_date = %(day)s")

    broken = checked(warehouse, DAY, OTHER_DAY)
    assert list(broken) == [str(DAY)]
    assert promise in broken[str(DAY)]


def test_what_one_day_has_too_much_does_not_make_up_for_what_another_lacks(warehouse):
    given_two_days(warehouse)
    made(warehouse, DAY, OTHER_DAY)

    run(warehouse, f"{SET} amount_spent = amount_spent + CASE WHEN insert_date = %(day)s THEN 1 ELSE -1 END")

    broken = checked(warehouse, DAY, OTHER_DAY)
    assert list(broken) == [str(DAY), str(OTHER_DAY)]
    assert all("the amounts add up to what these customers spent (1 row)" in text for text in broken.values())
