"""Reviews become the feed, on this machine or in S3, wholly or not at all."""

from pathlib import Path

import pytest
from fixtures_s3 import REGION, new_bucket, proxy  # noqa: F401 - fixtures

from pipeline.core.errors import CheckFailed, PipelineError, SettingError
from pipeline.core.store import open_store
from pipeline.seed.reviews import check_reviews_can_be_replaced, put_generated_reviews, put_review_file

NAME = "movie_review.csv"


@pytest.fixture(params=["folder", "s3"])
def vendor(request, settings, tmp_path):
    """Return the store that the feed of reviews is in."""
    root = str(tmp_path / "vendor")
    if request.param == "s3":
        proxy = request.getfixturevalue("proxy")
        settings("lake", "endpoint_url", proxy.endpoint)
        settings("lake", "region", REGION)
        root = f"{new_bucket(proxy.upstream)}/inbox"
    settings("user_behaviour", "review_feed", f"{root}/{NAME}")
    return open_store(root)


def test_the_feed_becomes_a_copy_of_the_given_file(vendor, tmp_path):
    (tmp_path / "mine.csv").write_bytes(b"cid,review_str\r\n1,good\r\n")

    feed = put_review_file(tmp_path / "mine.csv")

    assert feed == vendor.url(NAME)
    assert vendor.read(NAME).data == b"cid,review_str\r\n1,good\r\n"
    assert [listed.path for listed in vendor.list("")] == [NAME]


def test_a_file_with_another_header_leaves_the_feed_as_it_was(vendor, tmp_path):
    put_generated_reviews([("1", "good")])
    (tmp_path / "mine.csv").write_text("id,text\n1,good\n")

    with pytest.raises(CheckFailed, match="expected 'cid,review_str'"):
        put_review_file(tmp_path / "mine.csv")

    assert vendor.read(NAME).data == b"cid,review_str\n1,good\n"


def test_reviews_that_end_in_an_error_leave_the_feed_as_it_was(vendor):
    put_generated_reviews([("1", "good")])

    with pytest.raises(ZeroDivisionError):
        put_generated_reviews((str(1 // number), "dull") for number in (1, 0))

    assert vendor.read(NAME).data == b"cid,review_str\n1,good\n"
    assert ([listed.path for listed in vendor.list("")], list(vendor.uploads())) == ([NAME], [])


def test_generated_reviews_are_replaced_by_generated_ones(settings, tmp_path):
    settings("user_behaviour", "review_feed", str(tmp_path / NAME))
    feed = put_generated_reviews([("1", "good")])

    check_reviews_can_be_replaced()

    Path(feed).write_text("cid,review_str\n1,changed since\n")
    with pytest.raises(PipelineError, match="were not generated"):
        check_reviews_can_be_replaced()


def test_a_feed_elsewhere_is_replaced_only_by_those_who_say_so(settings):
    settings("user_behaviour", "review_feed", "s3://vendor/reviews.csv")

    with pytest.raises(
        PipelineError, match=r"s3://vendor/reviews.csv is not on this machine\. Give files .*--overwrite"
    ):
        check_reviews_can_be_replaced()


@pytest.mark.parametrize("feed", ["s3://vendor", "ftp://vendor/reviews.csv", "/data/{date}.csv"])
def test_a_feed_that_is_not_one_file_is_left_to_the_user(settings, feed):
    settings("user_behaviour", "review_feed", feed)

    with pytest.raises(SettingError, match=r"\[user_behaviour\] review_feed = .*expected "):
        put_generated_reviews([("1", "good")])
