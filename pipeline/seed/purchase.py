"""A purchase, as a file of Online Retail has it and as a row of retail.user_purchase."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import NamedTuple

HEADER = ("InvoiceNo", "StockCode", "Description", "Quantity", "InvoiceDate", "UnitPrice", "CustomerID", "Country")
MAX_INTEGER = 2**31 - 1
WHOLE_NUMBER = re.compile(r"[-+]?[0-9]{1,10}")
CUSTOMER = re.compile(r"([0-9]{1,10})(\.0*)?")
# What every Python and PostgreSQL read alike: from 3.11 fromisoformat takes weeks too, and much else.
MOMENT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}([ T]([01][0-9]|2[0-3]):[0-9]{2}(:[0-9]{2}(\.[0-9]{3}([0-9]{3})?)?)?)?")
PRICE = re.compile(r"[-+]?[0-9]{1,5}(\.[0-9]{1,3}0*)?")


class Purchase(NamedTuple):
    """A row of retail.user_purchase, its columns in order; each as text that PostgreSQL reads, or null."""

    invoice_number: str | None
    stock_code: str | None
    detail: str | None
    quantity: str
    invoice_date: str
    unit_price: str
    customer_id: str | None
    country: str | None


def parse_purchase(fields: Sequence[str]) -> Purchase:
    """Return the purchase that a record with HEADER's fields is. Raises ValueError, which says what does not fit."""
    values = []
    for name, kind, text in zip(HEADER, KINDS, fields, strict=True):
        try:
            values.append(kind(text))
        except ValueError as error:
            raise ValueError(f"{name} is {text[:60]!r}, expected {error}") from None
    return Purchase(*values)  # type: ignore[arg-type]


def _text(longest: int) -> Callable[[str], str | None]:
    def parse(text: str) -> str | None:
        if len(text) > longest:
            raise ValueError(f"{longest} characters at most")
        return text or None

    return parse


def _quantity(text: str) -> str:
    if not WHOLE_NUMBER.fullmatch(text) or abs(int(text)) > MAX_INTEGER:
        raise ValueError("a whole number")
    return text


def _invoice_date(text: str) -> str:
    # The shop's wall clock has no zone, and a converted one could fall on another day.
    try:
        moment = datetime.fromisoformat(text) if MOMENT.fullmatch(text) else None
    except ValueError:
        moment = None
    if moment is None:
        raise ValueError("a moment without a zone, such as 2010-12-01 08:26:00")
    return str(moment)


def _unit_price(text: str) -> str:
    # PostgreSQL would round a fourth decimal away without a word.
    if not PRICE.fullmatch(text):
        raise ValueError("a price of at most 5 digits and 3 decimals")
    return text


def _customer_id(text: str) -> str | None:
    """Return 17850 for `17850.0`, which is how pandas writes whole numbers where some are missing."""
    if not text:
        return None
    match = CUSTOMER.fullmatch(text)
    if not match or int(match[1]) > MAX_INTEGER:
        raise ValueError("a whole number such as 17850.0, or nothing")
    return match[1]


KINDS = (_text(10), _text(20), _text(1000), _quantity, _invoice_date, _unit_price, _customer_id, _text(20))
