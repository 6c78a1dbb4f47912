"""Daily prices of companies that do not exist, from a fixed seed, in the shape of the published stock files.

Random walks with no more decimals than they need, companies that came late, an empty file now and then, a price of 0,
names with a dash.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from itertools import count, islice
from random import Random
from string import ascii_lowercase

SEED = 20171110
LAST_DAY = date(2017, 11, 10)
DAY_COUNT = 1000
SATURDAY = 5
HEADER = "Date,Open,High,Low,Close,Volume,OpenInt"
# Placed and not drawn, so that there are never more than the pipeline puts up with.
COMPANIES_AN_EMPTY_FILE, COMPANIES_A_PRICE_OF_ZERO, COMPANIES_A_DASH = 50, 20, 10


def generated_files(number: int) -> Iterator[tuple[str, bytes]]:
    """Yield the names and contents of so many companies' files; the same ones each time."""
    random = Random(SEED)  # noqa: S311 - nobody is to be kept from guessing it
    days = trading_days(DAY_COUNT)
    for index, name in enumerate(_names(random, number)):
        if index % COMPANIES_AN_EMPTY_FILE == COMPANIES_AN_EMPTY_FILE - 1:
            yield name, b""
            continue
        lines = [HEADER, *_lines(random, days[random.randrange(DAY_COUNT // 2) :])]
        if index % COMPANIES_A_PRICE_OF_ZERO == COMPANIES_A_PRICE_OF_ZERO - 1:
            day, _, high, _, *rest = lines[1].split(",")
            lines[1] = ",".join([day, "0", high, "0", *rest])
        yield name, "".join(f"{line}\r\n" for line in lines).encode()


def trading_days(number: int) -> list[date]:
    """Return the last so many days of trade, the earliest first; there is none at a weekend."""
    days = (LAST_DAY - timedelta(days=back) for back in count())
    return list(islice((day for day in days if day.weekday() < SATURDAY), number))[::-1]


def _names(random: Random, number: int) -> list[str]:
    """Return names as the published files have them, in an order of no meaning."""
    names: dict[str, None] = {}
    while len(names) < number:
        ticker = "".join(random.choices(ascii_lowercase, k=random.randint(2, 4)))
        kind = random.choice(("-cl", "_b", "-ws")) if len(names) % COMPANIES_A_DASH == COMPANIES_A_DASH - 1 else ""
        names[f"{ticker}{kind}.us.csv"] = None
    return list(names)


def _lines(random: Random, days: list[date]) -> Iterator[str]:
    price = random.uniform(2, 200)
    for day in days:
        opened = price * random.gauss(1, 0.005)
        price = max(opened * random.gauss(1.0003, 0.015), 0.05)
        high = max(opened, price) * random.uniform(1, 1.01)
        low = min(opened, price) * random.uniform(0.99, 1)
        prices = ",".join(f"{one:.5g}" for one in (opened, high, low, price))
        yield f"{day},{prices},{random.randrange(1000, 5_000_000)},0"
