"""Puts reviews where the user-behaviour pipeline finds them, on this machine or in S3, wholly or not at all."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from pipeline.core import config
from pipeline.core.errors import PipelineError, SettingError, SourceUnavailable
from pipeline.core.feeds import is_stored
from pipeline.core.records import checked_records, read_text, row_writer
from pipeline.core.store import open_store
from pipeline.user_behaviour import MovieReview

OVERWRITE = "Give files (--purchases, --reviews), or --overwrite to have generated data instead."


def review_feed() -> str:
    """Return the path, or s3://bucket/key, that the feed is. Raises SettingError when the setting names no one file."""
    feed = config.user_behaviour().review_feed
    if "{" in feed:
        raise SettingError(
            f"{MovieReview.setting} = {feed}: expected one file to be filled. Put the reviews there yourself, or set a"
            " path without {date}."
        )
    is_stored(feed, MovieReview.setting)
    return feed


def check_feed() -> None:
    """Raise what put_review_file does at a feed in S3 that cannot even be looked for, and change nothing."""
    feed = review_feed()
    if is_stored(feed, MovieReview.setting):
        folder, _, name = feed.rpartition("/")
        any(open_store(folder, MovieReview.setting).list(name))


def put_review_file(path: Path) -> str:
    """Make the feed of reviews a copy of a file with the right header, and return where the feed is.

    Raises SourceUnavailable when the file cannot be read or is empty, and CheckFailed when its header is another.
    """
    feed = review_feed()
    with _checked_reviews(path) as source, _replaced(feed) as target:
        shutil.copyfileobj(source, target, 1 << 20)
    return feed


def check_review_file(path: Path) -> None:
    """Raise what put_review_file does at a file that cannot become the feed, and change nothing."""
    check_feed()
    with _checked_reviews(path):
        pass


def put_generated_reviews(reviews: Iterable[tuple[str, str]]) -> str:
    """Make the feed of reviews these, and return where it is."""
    feed = review_feed()
    with _replaced(feed) as target:
        text = read_text(target)
        write_row = row_writer(text)
        write_row(MovieReview.header)
        for review in reviews:
            write_row(review)
        text.detach()
    if not is_stored(feed, MovieReview.setting):
        _generated_mark(Path(feed)).write_text(_state(Path(feed)))
    return feed


def check_nothing_is_lost() -> None:
    """Raise PipelineError if generated data would replace what is not generated."""
    url = config.database().url
    if url != "embedded":
        raise PipelineError(f"[database] url = {config.masked(url)} is not the embedded server. {OVERWRITE}")
    check_reviews_can_be_replaced()


def check_reviews_can_be_replaced() -> None:
    """Raise PipelineError if the feed is elsewhere, or is there and is not what was generated last."""
    feed = review_feed()
    if is_stored(feed, MovieReview.setting):
        raise PipelineError(f"{MovieReview.setting} = {feed} is not on this machine. {OVERWRITE}")
    file, mark = Path(feed), _generated_mark(Path(feed))
    if file.exists() and not (mark.exists() and mark.read_text() == _state(file)):
        raise PipelineError(f"The reviews in {feed} were not generated. {OVERWRITE}")


def _generated_mark(feed: Path) -> Path:
    return feed.with_name(f".{feed.name}.generated")


def _state(feed: Path) -> str:
    stat = feed.stat()
    return f"{stat.st_size} {stat.st_mtime_ns}"


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


@contextmanager
def _replaced(feed: str) -> Iterator[BinaryIO]:
    """Yield a file that takes the place of the feed when all of it is written, and not before."""
    folder, _, name = feed.rpartition("/")
    store = open_store(folder or "/", MovieReview.setting)
    with store.open(name, "wb") as target:
        yield target
    store.sync([name])
