"""A day of the sources that can be worked out by hand."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from project import Project

DAY_ROWS = [
    (13047, Decimal("0.375"), 0, 1, date(2010, 12, 1)),
    (17850, Decimal("35.3"), 2, 3, date(2010, 12, 1)),
]


def given_a_day(project: Project) -> None:
    """Two customers with purchases and reviews, one with only either, and a purchase without a customer."""
    project.given_purchases(
        '1,A,"LANTERN, WHITE ""BIG""",6,2010-12-01 08:26:00,2.55,17850.0,United Kingdom',
        "1,B,HEART £1,10,2010-12-01 08:26:00,1.00,17850.0,United Kingdom",
        "1,B,HEART £1,10,2010-12-01 08:26:00,1.00,17850.0,United Kingdom",
        "2,C,MUG,2,2010-12-01 23:59:59,9.99,17850.0,United Kingdom",
        "C3,A,LANTERN,-6,2010-12-01 09:00:00,2.55,17850.0,United Kingdom",
        "4,D,CLOCK,3,2010-12-01 00:00:00,0.125,13047.0,France",
        "5,D,CLOCK,4,2010-12-01 10:00:00,5.00,,France",
        "6,D,CLOCK,5,2010-12-01 10:00:00,5.00,12583.0,France",
        "7,D,CLOCK,100,2010-12-02 00:00:00,5.00,13047.0,France",
    )
    project.given_feed(("17850.0", "a good, film"), ("17850", "dull"), ("17850", "Good."), ("13047", ""), ("1", "good"))
