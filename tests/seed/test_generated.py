"""Generated data is the same each time, and has the oddities of the real one."""

from collections import Counter
from datetime import date

import pytest

from pipeline.seed.generated_purchases import generated_purchases, known_customers, shop_days
from pipeline.seed.generated_reviews import generated_reviews
from pipeline.seed.purchase import Purchase, parse_purchase


@pytest.fixture(scope="module")
def purchases():
    return list(generated_purchases(shop_days(20), 60_000))


@pytest.fixture(scope="module")
def reviews():
    return list(generated_reviews(5_000))


def share(matching, rows):
    return sum(map(matching, rows)) / len(rows)


def test_the_same_data_comes_out_each_time(purchases, reviews):
    assert list(generated_purchases(shop_days(20), 60_000)) == purchases
    assert list(generated_reviews(5_000)) == reviews


def test_every_day_has_its_part_of_the_rows():
    days = Counter(row.invoice_date[:10] for row in generated_purchases(shop_days(3), 1_001))

    assert days == {"2010-12-01": 333, "2010-12-02": 334, "2010-12-03": 334}


def test_the_shop_is_closed_on_saturdays():
    assert shop_days(4)[-1] == date(2010, 12, 5)


def test_every_purchase_is_one_that_could_be_read_from_a_file(purchases):
    assert all(parse_purchase([value or "" for value in row]) == row for row in set(purchases))


@pytest.mark.parametrize(
    "oddity",
    [
        lambda row: row.invoice_number.startswith("C") and int(row.quantity) < 0,
        lambda row: not row.invoice_number.startswith("C") and int(row.quantity) < 0 and row.customer_id is None,
        lambda row: row.detail is None,
        lambda row: '"' in (row.detail or ""),
        lambda row: "," in (row.detail or ""),
        lambda row: "£" in (row.detail or ""),
        lambda row: (row.detail or "").endswith(" "),
    ],
)
def test_purchases_have_the_oddities_of_the_real_ones(purchases, oddity):
    assert 0 < share(oddity, purchases) < 0.5


def test_a_quarter_of_the_purchases_has_no_customer(purchases):
    assert share(lambda row: row.customer_id is None, purchases) == pytest.approx(0.25, abs=0.03)


def test_some_purchases_are_there_twice(purchases):
    assert 0.005 < 1 - len(set(purchases)) / len(purchases) < 0.02


def test_reviews_are_of_the_customers_that_buy(reviews, purchases):
    buyers = {row.customer_id for row in purchases}
    writers = {cid.removesuffix(".0") for cid, _ in reviews}

    assert buyers - {None} <= {customer.number for customer in known_customers()}
    assert len(buyers & writers) > 800


@pytest.mark.parametrize("oddity", ['"', ",", "\n", "good.", "goodness", "goods", "Good,"])
def test_reviews_have_what_makes_real_ones_hard_to_read(reviews, oddity):
    assert 0 < share(lambda review: oddity.lower() in review[1].lower(), reviews) < 1


def test_some_reviews_are_missing(reviews):
    assert share(lambda review: not review[1], reviews) == pytest.approx(0.01, abs=0.005)


def test_fewer_customers_are_broken_than_the_pipeline_puts_up_with(reviews):
    assert share(lambda review: not review[0].removesuffix(".0").isdigit(), reviews) == 0.002


def test_a_purchase_has_the_columns_of_the_table_in_their_order():
    assert Purchase._fields == (
        *("invoice_number", "stock_code", "detail", "quantity"),
        *("invoice_date", "unit_price", "customer_id", "country"),
    )
