"""A feed is copied whole or not at all: good records into the attempt's parts, the others into quarantine."""

# ruff: noqa: F811 - fixtures

import csv
import hashlib
import tracemalloc

import pytest
from fixtures_s3 import REGION, new_bucket, proxy  # noqa: F401 - fixtures
from s3_proxy import shortened_to

from pipeline.core import sources
from pipeline.core.errors import CheckFailed, SettingError, SourceUnavailable
from pipeline.core.lake import Counts, Dataset, Input, Lake, Partition
from pipeline.core.sources import copy_feed
from pipeline.core.store import open_store
from pipeline.core.store.s3_connection import PART_BYTES

HEADER = ("cid", "review_str")
REVIEWS = Dataset("raw", "movie_review")
SETTING = "[user_behaviour] review_feed"
DAY = Partition("insert_date", "2010-12-01")
# More than what is read ahead.
LONG = b"cid,review_str\n" + (b"1," + b"a good film " * 800 + b"\n") * 5250


@pytest.fixture
def attempt(tmp_path):
    return Lake(open_store(str(tmp_path / "lake"))).begin(REVIEWS, DAY, "test")


@pytest.fixture
def feed(tmp_path):
    return tmp_path / "movie_review.csv"


def rows_of(attempt, name):
    with attempt.open(name, "rb") as stream:
        return list(csv.reader(stream.read().decode().splitlines(keepends=True)))


def test_good_records_are_copied_and_the_others_are_quarantined(attempt, feed):
    feed.write_bytes(b'\xef\xbb\xbfcid,review_str\r\n1,"good, ""film""\nnow"\r\n2,"open\r\n3,\xc2\xa35\r\n4,a,b\r\n')

    fed = copy_feed(feed, HEADER, attempt, SETTING)

    assert fed.rows == Counts(read=4, written=2, refused=2)
    assert rows_of(attempt, "part-0000.csv") == [list(HEADER), ["1", 'good, "film"\nnow'], ["3", "£5"]]
    with attempt.open_refused("refused.csv", "rb") as stream:
        refused = list(csv.DictReader(stream.read().decode().splitlines(keepends=True)))
    assert [(row["file"], row["line"], row["text"]) for row in refused] == [
        (str(feed), "4", '2,"open\r\n'),
        (str(feed), "6", "4,a,b\r\n"),
    ]


def test_the_first_refusal_is_told_with_its_line(attempt, feed):
    feed.write_text("cid,review_str\n1,fine\n2\n3,a,b\n")

    fed = copy_feed(feed, HEADER, attempt, SETTING)

    assert fed.first_refusal == f"line 3 of {feed}: it has 1 fields, not 2"


def test_what_was_copied_can_be_committed_with_the_fingerprint_of_the_feed(attempt, feed):
    feed.write_text("cid,review_str\n1,fine\n")

    fed = copy_feed(feed, HEADER, attempt, SETTING)
    manifest = attempt.commit(fed.files, fed.rows, {"cid": "string"}, (fed.source,), "test")

    [source] = manifest.inputs
    assert (source.name, source.fingerprint["bytes"]) == (str(feed), 22)
    assert source.fingerprint["sha256"] == hashlib.sha256(feed.read_bytes()).hexdigest()


def test_a_feed_with_a_header_alone_is_a_part_without_rows(attempt, feed):
    feed.write_text("cid,review_str\n")

    fed = copy_feed(feed, HEADER, attempt, SETTING)

    assert (fed.rows, [file.rows for file in fed.files]) == (Counts(0, 0, 0), [0])
    assert rows_of(attempt, "part-0000.csv") == [list(HEADER)]


def test_a_long_feed_becomes_several_parts_that_each_have_the_header(attempt, feed, monkeypatch):
    monkeypatch.setattr(sources, "PART_BYTES", 100)
    monkeypatch.setattr(sources, "BUFFER_CHARACTERS", 50)
    rows = [[str(number), "a good film"] for number in range(30)]
    feed.write_text("cid,review_str\n" + "".join(f"{cid},{text}\n" for cid, text in rows))

    fed = copy_feed(feed, HEADER, attempt, SETTING)

    parts = [rows_of(attempt, file.name) for file in fed.files]
    assert len(parts) > 2
    assert [row for part in parts for row in part[1:]] == rows
    assert [(file.rows, file.bytes) for file in fed.files] == [
        (len(part) - 1, attempt.size(file.name)) for file, part in zip(fed.files, parts, strict=True)
    ]


def test_memory_does_not_grow_with_the_feed(attempt, feed):
    with feed.open("w") as stream:
        stream.write("cid,review_str\n")
        stream.writelines(f'{number},"a good film, said {number}"\n' for number in range(200_000))

    tracemalloc.start()
    copy_feed(feed, HEADER, attempt, SETTING)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert feed.stat().st_size > 6_000_000
    assert peak < 4_000_000


def test_a_missing_feed_names_the_setting(attempt, feed):
    with pytest.raises(SourceUnavailable, match=r"movie_review.csv cannot be read: .*\[user_behaviour\] review_feed"):
        copy_feed(feed, HEADER, attempt, SETTING)


def test_a_feed_elsewhere_is_a_setting_to_be_changed(attempt):
    with pytest.raises(SettingError, match=r"review_feed = ftp://vendor/reviews.csv: expected a file of this machine"):
        copy_feed("ftp://vendor/reviews.csv", HEADER, attempt, SETTING)


@pytest.mark.parametrize("feed", ["s3://bucket", "s3://bucket/", "s3://bucket/folder/", "s3:///key"])
def test_a_feed_in_s3_without_a_bucket_or_a_key_is_a_setting_to_be_changed(attempt, feed):
    with pytest.raises(SettingError, match=rf"\[user_behaviour\] review_feed = {feed}: expected .*s3://bucket/key"):
        copy_feed(feed, HEADER, attempt, SETTING)


def test_an_empty_feed_is_not_there_yet(attempt, feed):
    feed.touch()

    with pytest.raises(SourceUnavailable, match=r"movie_review.csv is empty"):
        copy_feed(feed, HEADER, attempt, SETTING)


def test_a_feed_with_another_header_leaves_no_file_behind(attempt, feed):
    feed.write_text("cid,stars\n1,5\n")

    with pytest.raises(CheckFailed, match="expected 'cid,review_str'"):
        copy_feed(feed, HEADER, attempt, SETTING)

    assert list(attempt.store.list("")) == []


def test_a_feed_that_grows_while_it_is_copied_is_to_be_read_again(attempt, feed):
    feed.write_text("cid,review_str\n" + "1,fine\n" * 100)

    class Appending(type(attempt)):
        """The vendor goes on writing when the copy has begun."""

        def open(self, name, mode="wb"):
            with feed.open("a") as stream:
                stream.write("2,late\n")
            return super().open(name, mode)

    with pytest.raises(SourceUnavailable, match="changed while it was copied"):
        copy_feed(feed, HEADER, Appending(**vars(attempt)), SETTING)


@pytest.fixture
def inbox(proxy, settings):
    """A store on S3 where a vendor drops files."""
    settings("lake", "endpoint_url", proxy.endpoint)
    settings("lake", "region", REGION)
    return open_store(f"{new_bucket(proxy.upstream)}/inbox")


def drop(inbox, data):
    with inbox.open("reviews.csv", "wb") as file:
        file.write(data)
    return inbox.url("reviews.csv")


def test_a_feed_in_s3_is_copied_with_its_etag(attempt, inbox):
    data = b"cid,review_str\n1,fine\n2\n"
    feed = drop(inbox, data)

    fed = copy_feed(feed, HEADER, attempt, SETTING)

    assert fed.rows == Counts(read=2, written=1, refused=1)
    assert rows_of(attempt, "part-0000.csv") == [list(HEADER), ["1", "fine"]]
    assert fed.first_refusal.startswith(f"line 3 of {feed}")
    etag, sha256 = hashlib.md5(data, usedforsecurity=False).hexdigest(), hashlib.sha256(data).hexdigest()
    assert fed.source == Input(feed, fingerprint={"sha256": sha256, "bytes": len(data), "etag": etag})


def test_a_feed_that_is_missing_in_s3_is_named(attempt, inbox):
    feed = inbox.url("reviews.csv")

    with pytest.raises(SourceUnavailable, match=rf"^{feed} at \S+: it is not there\. Look at \[user_behaviour\] rev"):
        copy_feed(feed, HEADER, attempt, SETTING)


def test_a_feed_in_a_bucket_that_is_not_there_names_its_own_setting(attempt, settings, ministack):
    settings("lake", "endpoint_url", ministack)

    with pytest.raises(SourceUnavailable, match=r"bucket no-vendor does not exist\. Look at \[user_behaviour\] rev"):
        copy_feed("s3://no-vendor/reviews.csv", HEADER, attempt, SETTING)


def test_a_feed_in_s3_that_does_not_answer_says_why(attempt, settings):
    settings("lake", "endpoint_url", "http://127.0.0.1:9")

    with pytest.raises(SourceUnavailable, match=r"^s3://vendor/reviews\.csv cannot be read: .* http://127\.0\.0\.1:9"):
        copy_feed("s3://vendor/reviews.csv", HEADER, attempt, SETTING)


def test_a_feed_in_s3_that_comes_short_is_not_taken_for_the_whole(attempt, inbox, proxy):
    feed = drop(inbox, b"cid,review_str\n1,fine\n2,fine\n")
    proxy.spoil("GET", "/inbox/reviews.csv", shortened_to(22))
    proxy.spoil("GET", "/inbox/reviews.csv", shortened_to(0), times=100)

    with pytest.raises(SourceUnavailable, match=r"reviews.csv changed while it was copied"):
        copy_feed(feed, HEADER, attempt, SETTING)


def test_a_feed_in_s3_that_is_replaced_while_it_is_copied_is_to_be_read_again(attempt, inbox):
    feed = drop(inbox, LONG)

    class Replacing(type(attempt)):
        """The vendor drops another file when the copy has begun."""

        def open(self, name, mode="wb"):
            drop(inbox, LONG + b"1,more\n")
            return super().open(name, mode)

    with pytest.raises(SourceUnavailable, match=rf"^{feed} was replaced while it was read"):
        copy_feed(feed, HEADER, Replacing(**vars(attempt)), SETTING)


def test_memory_does_not_grow_with_a_feed_in_s3(attempt, inbox):
    feed = drop(inbox, LONG)

    tracemalloc.start()
    copy_feed(feed, HEADER, attempt, SETTING)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert peak < 5 * PART_BYTES < len(LONG) - PART_BYTES
