"""Puts purchases where the user-behaviour pipeline finds them, wholly or not at all."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from pipeline.core import config
from pipeline.core.database import database
from pipeline.core.lake import Counts, new_attempt_id, refuse_too_many, seed_quarantine_path
from pipeline.core.records import RefusedRows
from pipeline.core.store import open_store
from pipeline.seed.purchase import Purchase
from pipeline.seed.purchase_files import read_purchases

# Two seeds at once would each delete what they saw and add their own. Readers are not kept out.
LOCK = "LOCK TABLE retail.user_purchase IN SHARE ROW EXCLUSIVE MODE"

BROUGHT = "CREATE TEMPORARY TABLE brought (LIKE retail.user_purchase) ON COMMIT DROP"

DAYS = "SELECT DISTINCT CAST(invoice_date AS date) AS day FROM brought ORDER BY day"

DELETE = """
DELETE FROM retail.user_purchase
WHERE CAST(invoice_date AS date) IN (SELECT CAST(brought.invoice_date AS date) FROM brought)
"""

INSERT = "INSERT INTO retail.user_purchase SELECT * FROM brought"

# Without statistics the planner takes the new days for empty.
ANALYZE = "ANALYZE retail.user_purchase"


@dataclass(frozen=True)
class Loaded:
    """What became of the purchases that were given, and where the refused ones are."""

    rows: Counts
    days: Sequence[date]
    quarantine: str


def load_purchase_files(paths: Iterable[Path]) -> Loaded:
    """Replace the days that the files bring, in one transaction.

    Raises what read_purchases does, and CheckFailed when more rows are refused than the settings allow; then
    nothing is loaded.
    """
    store = open_store(config.lake().root)
    place = f"{seed_quarantine_path('user_purchase', new_attempt_id())}/refused.csv"
    refused = RefusedRows(lambda: store.open(place, "wb"))

    def good_purchases() -> Iterator[Purchase]:
        with refused:
            yield from read_purchases(paths, refused)

    def count(written: int) -> Counts:
        rows = Counts(written + refused.count, written, refused.count)
        refuse_too_many(rows, "retail.user_purchase", store.url(place), refused.first)
        return rows

    rows, days = _replace_days(good_purchases(), count)
    return Loaded(rows, days, store.url(place) if rows.refused else "")


def load_generated_purchases(purchases: Iterable[Purchase]) -> Loaded:
    """Replace the days that the purchases bring, in one transaction."""
    return Loaded(*_replace_days(purchases, lambda written: Counts(written, written, 0)), quarantine="")


def _replace_days(purchases: Iterable[Purchase], count: Callable[[int], Counts]) -> tuple[Counts, list[date]]:
    """Replace the days that the purchases bring, unless count, which is told how many they are, raises."""
    base = database()
    base.create_tables("user_behaviour/database.sql")
    with base.transaction() as cursor:
        cursor.execute(LOCK)
        cursor.execute(BROUGHT)
        rows = count(base.copy_in(cursor, "brought", Purchase._fields, purchases))
        cursor.execute(DAYS)
        days = [day for (day,) in cursor.fetchall()]
        for statement in (DELETE, INSERT, ANALYZE):
            cursor.execute(statement)
    return rows, days
