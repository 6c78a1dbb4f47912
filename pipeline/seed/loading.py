"""Puts purchases and reviews where the user-behaviour pipeline finds them, wholly or not at all."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import BinaryIO
from uuid import uuid4

from pipeline.core import config
from pipeline.core.database import database
from pipeline.core.errors import PipelineError, SettingError, SourceUnavailable
from pipeline.core.lake import Counts, new_attempt_id, refuse_too_many, seed_quarantine_path
from pipeline.core.records import RefusedRows, checked_records, read_text, row_writer
from pipeline.core.store import open_store
from pipeline.seed.purchase import Purchase
from pipeline.seed.purchase_files import read_purchases
from pipeline.user_behaviour import MovieReview

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

OVERWRITE = "Give files (--purchases, --reviews), or --overwrite to have generated data instead."


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


def put_review_file(path: Path) -> Path:
    """Make the feed of reviews a copy of a file with the right header, and return where the feed is.

    Raises SourceUnavailable when the file cannot be read or is empty, and CheckFailed when its header is another.
    """
    feed = review_feed()
    with _checked_reviews(path) as source, _replaced(feed) as target:
        shutil.copyfileobj(source, target)
    return feed


def check_review_file(path: Path) -> None:
    """Raise what put_review_file does at a file that cannot become the feed, and change nothing."""
    review_feed()
    with _checked_reviews(path):
        pass


@contextmanager
def _checked_reviews(path: Path) -> Iterator[BinaryIO]:
    """Yield a file of reviews at its beginning, when its header is the right one."""
    try:
        source = path.open("rb")
    except OSError as error:
        raise SourceUnavailable(f"{path} cannot be read: {error.strerror}. Look at the path.") from error
    with source:
        text = read_text(source)
        next(checked_records(text, MovieReview.header, str(path)), None)
        text.detach()
        source.seek(0)
        yield source


def check_nothing_is_lost() -> None:
    """Raise PipelineError if generated data would replace what is not generated."""
    url = config.database().url
    if url != "embedded":
        raise PipelineError(f"[database] url = {config.masked(url)} is not the embedded server. {OVERWRITE}")
    check_reviews_can_be_replaced()


def check_reviews_can_be_replaced() -> None:
    """Raise PipelineError if the feed is there, and is not what was generated last."""
    feed = review_feed()
    mark = _generated_mark(feed)
    if feed.exists() and not (mark.exists() and mark.read_text() == _state(feed)):
        raise PipelineError(f"The reviews in {feed} were not generated. {OVERWRITE}")


def _generated_mark(feed: Path) -> Path:
    return feed.with_name(f".{feed.name}.generated")


def _state(feed: Path) -> str:
    stat = feed.stat()
    return f"{stat.st_size} {stat.st_mtime_ns}"


def put_generated_reviews(reviews: Iterable[tuple[str, str]]) -> Path:
    """Make the feed of reviews these, and return where it is."""
    feed = review_feed()
    with _replaced(feed) as target:
        text = read_text(target)
        write_row = row_writer(text)
        write_row(MovieReview.header)
        for review in reviews:
            write_row(review)
        text.detach()
    _generated_mark(feed).write_text(_state(feed))
    return feed


def review_feed() -> Path:
    """Return the file that the feed is. Raises SettingError when the setting names no one file of this machine."""
    feed = config.user_behaviour().review_feed
    if "{" in feed or "://" in feed:
        raise SettingError(
            f"[user_behaviour] review_feed = {feed}: expected one file of this machine to be filled."
            " Put the reviews there yourself, or set a path without {date}."
        )
    return Path(feed)


@contextmanager
def _replaced(path: Path) -> Iterator[BinaryIO]:
    """Yield a file that takes the place of path when all of it is written, and not before."""
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f".{path.name}.{uuid4().hex}")
    try:
        with aside.open("wb") as target:
            yield target
            target.flush()
            os.fsync(target.fileno())
        aside.replace(path)
    finally:
        aside.unlink(missing_ok=True)
