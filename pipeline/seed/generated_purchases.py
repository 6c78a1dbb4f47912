"""Purchases from a fixed seed, in the shape of UCI Online Retail and with its oddities.

Customers missing from a quarter of the rows, cancellations (`C` invoices with negative quantities), write-offs
without price or description, quotes, commas, `£` and stray spaces in descriptions, and exact duplicates.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, datetime, time, timedelta
from itertools import count
from typing import NamedTuple

from faker import Faker

from pipeline.seed.purchase import Purchase

SEED = 20101201
FIRST_DAY = date(2010, 12, 1)
SATURDAY = 5
FIRST_INVOICE = 536365
CUSTOMER_NUMBERS = range(12346, 18288)
CUSTOMER_COUNT = 1000
PRODUCT_COUNT = 2000
HOME = "United Kingdom"
ABROAD = ("France", "Germany", "EIRE", "Netherlands", "United Arab Emirates")
QUANTITIES = (1, 1, 1, 2, 2, 3, 4, 6, 6, 8, 10, 12, 12, 24, 25, 48)
PRICES = ("0.42", "0.85", "1.25", "1.65", "2.1", "2.55", "3.75", "4.95", "8.5", "12.75", "0.001")
THINGS = ("LANTERN", "HOT WATER BOTTLE", "CAKE STAND", "T-LIGHT HOLDER", "LUNCH BOX", "DOORMAT", "TEA TOWEL", "BUNTING")
DESCRIPTIONS = (
    "{colour} {thing}",
    "{colour} {thing} ",
    "SET OF {number}, {colour} {thing}",
    '{number}" {colour} {thing}',
    '{colour} "HOME SWEET HOME" {thing}',
    "£{number} {colour} {thing}",
)


class Product(NamedTuple):
    """Something the shop sells."""

    code: str
    description: str
    price: str


class Customer(NamedTuple):
    """Somebody known to the shop, or a guest, who has no number."""

    number: str | None
    country: str


GUEST = Customer(None, HOME)


def shop_days(number: int) -> list[date]:
    """Return the first days that the shop is open, from 2010-12-01; it is closed on Saturdays."""
    days = (FIRST_DAY + timedelta(days=offset) for offset in count())
    openings = (day for day in days if day.weekday() != SATURDAY)
    return [next(openings) for _ in range(number)]


def seeded_faker() -> Faker:
    """Return a Faker, with a `random` of its own, that begins as every other one from here."""
    fake = Faker("en_GB")
    fake.seed_instance(SEED)
    return fake


def known_customers() -> list[Customer]:
    """Return the customers that have a number: those that write reviews."""
    random = seeded_faker().random
    numbers = random.sample(CUSTOMER_NUMBERS, CUSTOMER_COUNT)
    return [Customer(str(number), HOME if random.random() < 0.9 else random.choice(ABROAD)) for number in numbers]


def generated_purchases(days: Sequence[date], rows: int) -> Iterator[Purchase]:
    """Yield exactly so many rows, spread evenly over the days; the same ones each time."""
    shop = Shop()
    for index, day in enumerate(days):
        left = rows * (index + 1) // len(days) - rows * index // len(days)
        while left > 0:
            lines = shop.invoice(day)[:left]
            yield from lines
            left -= len(lines)


class Shop:
    """What is sold, to whom, and the number of the next invoice."""

    def __init__(self) -> None:
        self.faker = seeded_faker()
        self.random = self.faker.random
        self.products = [self._product(number) for number in range(20000, 20000 + PRODUCT_COUNT)]
        self.customers = known_customers()
        self.numbers = count(FIRST_INVOICE)

    def invoice(self, day: date) -> list[Purchase]:
        """Return the lines of one more invoice of a day."""
        number = str(next(self.numbers))
        opening = datetime.combine(day, time(8))
        moment = str(opening + timedelta(minutes=self.random.randrange(10 * 60)))
        kind = self.random.random()
        if kind < 0.01:
            return [self._write_off(number, moment)]
        if kind < 0.05:
            return self._lines(f"C{number}", moment, sign=-1, longest=4)
        return self._lines(number, moment, sign=1, longest=40)

    def _lines(self, number: str, moment: str, sign: int, longest: int) -> list[Purchase]:
        choose, chance = self.random.choice, self.random.random
        customer = GUEST if chance() < 0.25 else choose(self.customers)
        lines = []
        for code, description, price in self.random.choices(self.products, k=self.random.randint(1, longest)):
            quantity = str(sign * choose(QUANTITIES))
            line = Purchase(number, code, description, quantity, moment, price, customer.number, customer.country)
            lines += [line, line] if chance() < 0.01 else [line]
        return lines

    def _write_off(self, number: str, moment: str) -> Purchase:
        """Return broken goods leaving the stock: nobody bought them."""
        choose = self.random.choice
        product, detail, quantity = choose(self.products), choose((None, "damaged?")), str(-choose(QUANTITIES))
        return Purchase(number, product.code, detail, quantity, moment, "0.0", *GUEST)

    def _product(self, number: int) -> Product:
        choose = self.random.choice
        description = choose(DESCRIPTIONS).format(
            colour=self.faker.color_name().upper(), thing=choose(THINGS), number=self.random.randint(2, 24)
        )
        return Product(f"{number}{choose(('', '', 'A', 'B'))}", description, choose(PRICES))
