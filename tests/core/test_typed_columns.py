"""A field fits its column or does not, however long it is."""

from __future__ import annotations

import time
from decimal import Decimal

import pytest

from pipeline.core.typed_columns import Column

PRICE, VOLUME = Column("Price", "price", Decimal), Column("Volume", "volume", int)


@pytest.mark.parametrize("text", ["0", "-1", "+1.", ".5", "000123456789012.123456000", "0" * 5000 + "1"])
def test_a_number_of_so_many_digits_fits(text):
    assert PRICE.fault(text) == ""


@pytest.mark.parametrize("text", ["", ".", "-", "1-", "--1", "1.2.3", "1234567890123", ".1234567", "1e3", "\u0661"])
def test_what_is_none_does_not(text):
    assert PRICE.fault(text) != ""


@pytest.mark.parametrize(("text", "is_fit"), [("1.000", True), ("1.5", False), ("-100", True)])
def test_a_whole_number_has_no_fraction(text, is_fit):
    assert (VOLUME.fault(text) == "") is is_fit


def test_a_field_of_many_zeros_is_refused_at_once():
    began = time.process_time()

    fault = PRICE.fault("0" * (1 << 20) + "x")

    assert "is no number" in fault
    assert time.process_time() - began < 1
