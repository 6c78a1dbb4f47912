"""A record of Online Retail is a purchase, or says which field is none."""

import pytest

from pipeline.seed.purchase import HEADER, Purchase, parse_purchase


def record(**fields: str) -> list[str]:
    usual = {"InvoiceNo": "536365", "StockCode": "85123A", "Description": "LANTERN", "Quantity": "6"}
    usual |= {"InvoiceDate": "2010-12-01 08:26:00", "UnitPrice": "2.55", "CustomerID": "17850.0", "Country": "EIRE"}
    return [(usual | fields)[name] for name in HEADER]


def test_a_record_is_a_row_of_the_table():
    assert parse_purchase(record()) == Purchase(
        *("536365", "85123A", "LANTERN", "6", "2010-12-01 08:26:00", "2.55", "17850", "EIRE")
    )


@pytest.mark.parametrize(
    ("text", "number"), [("17850.0", "17850"), ("17850", "17850"), ("17850.", "17850"), ("", None)]
)
def test_a_customer_is_a_whole_number_or_missing(text, number):
    assert parse_purchase(record(CustomerID=text)).customer_id == number


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2010-12-01", "2010-12-01 00:00:00"),
        ("2010-12-01T08:26", "2010-12-01 08:26:00"),
        ("2010-12-01 08:26:00.500", "2010-12-01 08:26:00.500000"),
    ],
)
def test_a_moment_is_written_in_one_way(text, moment):
    assert parse_purchase(record(InvoiceDate=text)).invoice_date == moment


def test_an_empty_description_is_null():
    assert parse_purchase(record(Description="")).detail is None


@pytest.mark.parametrize("price", ["0.0", "-11062.06", "0.001", "12", "2.5500000"])
def test_a_price_may_be_any_that_the_column_holds_exactly(price):
    assert parse_purchase(record(UnitPrice=price)).unit_price == price


@pytest.mark.parametrize(
    ("field", "text"),
    [
        *[("Quantity", text) for text in ("six", "", "6.0", "1_000", "2147483648", " 6")],
        *[("InvoiceDate", text) for text in ("", "12/1/2010 8:26", "2010-02-30 08:00:00", "2010-12-01T08:26:00+01:00")],
        *[
            ("InvoiceDate", text)
            for text in ("2010-W48-3", "20101201", "2010-12-01x08:26", "2010-12-01 08", "0000-01-01")
        ],
        *[
            ("InvoiceDate", f"2010-12-01 {text}")
            for text in ("24:00:00", "08:26:00,5", "08:26:00Z", "08:26:00.1234567")
        ],
        *[("UnitPrice", text) for text in ("", "2.5501", "NaN", "100000", "£2.55", "1e3")],
        *[("CustomerID", text) for text in ("17850.5", "n/a", "-1", "99999999999")],
        *[("InvoiceNo", "x" * 11), ("StockCode", "x" * 21), ("Description", "x" * 1001), ("Country", "x" * 21)],
    ],
)
def test_what_does_not_fit_is_named_with_what_is_expected(field, text):
    with pytest.raises(ValueError, match=f"{field} is .*, expected "):
        parse_purchase(record(**{field: text}))
