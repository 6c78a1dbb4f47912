"""What an hour on EMR costs: the section [emr_prices], which has a key for each type of instance."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import ClassVar

from pipeline.core.settings import Others, read_setting, setting

PRICE = "a price such as 0.2040"


def as_price(value: str, folder: Path) -> Decimal | None:
    """Return the price of an hour, or None where none is given."""
    try:
        price = Decimal(value) if value else None
    except InvalidOperation:
        raise ValueError from None
    if price is not None and not (price.is_finite() and price >= 0):
        raise ValueError
    return price


def as_currency(value: str, folder: Path) -> str:
    if not re.fullmatch(r"[A-Z]{3}", value, re.ASCII):
        raise ValueError
    return value


@dataclass(frozen=True)
class EmrPrices:
    """What is paid for an hour, EMR's own fee included."""

    OTHERS: ClassVar = Others(
        re.compile(r"[a-z]\w*\.\w+(\.spot)?", re.ASCII),
        setting("", as_price, PRICE),
        "types of instances, such as m7g.xlarge and m7g.xlarge.spot",
    )

    currency: str = setting("USD", as_currency, "the three letters of a currency")
    vcpu_hour: Decimal | None = setting("", as_price, PRICE)
    memory_gb_hour: Decimal | None = setting("", as_price, PRICE)
    storage_gb_hour: Decimal | None = setting("", as_price, PRICE)


def price_of(kind: str) -> Decimal | None:
    """Return the price of an hour of a kind of instance, or of what EMR Serverless bills; None if there is none."""
    return read_setting("emr_prices", kind, EmrPrices.OTHERS.field)
