"""Whether a source is still what a partition was made of."""

import datetime
import os

import pytest

from pipeline.core.errors import SourceUnavailable
from pipeline.core.lake import lake
from pipeline.core.sources import copy_feed
from pipeline.user_behaviour import MovieReview

DAYS = [datetime.date(2010, 12, 1) + datetime.timedelta(days) for days in range(3)]


@pytest.fixture
def feed(settings, tmp_path):
    settings("lake", "root", str(tmp_path / "lake"))
    path = tmp_path / "movie_review.csv"
    settings("user_behaviour", "review_feed", str(path))
    path.write_text("cid,review_str\n1,good\n")
    return path


def read_on(day):
    """Return the task of a day, and what its feed was when it was copied."""
    task = MovieReview(date=day)
    attempt = lake().begin(task.dataset, task.partition, "test")
    return task, copy_feed(task.feed(), task.header, attempt, task.setting).source.fingerprint


@pytest.mark.parametrize(
    ("text", "is_same"), [("1,good", True), ("1,dull", False), ("1,longer", False)], ids=["same", "as_long", "longer"]
)
def test_a_feed_is_as_it_was_read_where_its_content_is(feed, text, is_same):
    task, read = read_on(DAYS[0])
    before = feed.stat()

    feed.write_text(f"cid,review_str\n{text}\n")
    # As a copy does that keeps the times.
    os.utime(feed, ns=(before.st_atime_ns, before.st_mtime_ns))

    assert task.is_as_read(read, task.source_now()) is is_same


def test_a_feed_that_nobody_touched_is_not_read_to_know_that(feed, monkeypatch):
    task, read = read_on(DAYS[0])
    monkeypatch.setattr("pipeline.core.tasks.lake.sha256_of", None)

    assert task.is_as_read(read, task.source_now())


def test_a_feed_of_many_days_is_asked_once_and_one_that_is_gone_says_so(feed, settings, monkeypatch):
    settings("user_behaviour", "review_feed", str(feed.parent / "{date}.csv"))
    (feed.parent / f"{DAYS[0]}.csv").write_text("cid,review_str\n")
    there, gone, _ = MovieReview.sources_now([MovieReview(date=day) for day in DAYS]).values()
    settings("user_behaviour", "review_feed", str(feed))
    asked = []
    source_now = MovieReview.source_now
    monkeypatch.setattr(MovieReview, "source_now", lambda self: [asked.append(self), source_now(self)][1])

    now = MovieReview.sources_now([MovieReview(date=day) for day in DAYS])

    assert (there["bytes"], isinstance(gone, SourceUnavailable), len(asked)) == (15, True, 1)
    assert [found["bytes"] for found in now.values()] == [22] * 3
