"""The reviews of films are classified as their words say, and every one of them is accounted for."""

import csv
import io
import random
import re

import pyarrow as pa
import pytest
from fixtures_spark import run_on

from spark_jobs import classified_movie_review

NO_NUMBER = "cid is no whole number"
UNPARSED = "the row does not fit the columns"


@pytest.fixture
def classify(spark, tmp_path):
    """Return what classifies the reviews of raw files, given as their text."""
    return lambda *files: run_on(spark, classified_movie_review, tmp_path, *files)


def feed(*reviews):
    """Return a raw file as the feed's copy is written."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([("cid", "review_str"), *reviews])
    return text.getvalue()


def test_a_review_with_the_word_good_is_positive(classify):
    texts = ["good", "A good film", "Good.", "GOOD!", "so-good, really", "it's 'good'", "good—great", "good\tfilm"]

    done = classify(feed(*((number, text) for number, text in enumerate(texts))))

    assert done.rows == [(str(number), True) for number in range(len(texts))]


def test_a_word_that_only_holds_good_is_not_good(classify):
    texts = ["goodness", "two goods", "no_good", "goodé", "good2", "go od", "dull", " ", "ungood"]

    done = classify(feed(*((number, text) for number, text in enumerate(texts))))

    assert done.rows == [(str(number), False) for number in range(len(texts))]


def test_a_review_without_text_is_not_positive(classify):
    done = classify('cid,review_str\n1,\n2,""\n3,good\n')

    assert done.rows == [("1", False), ("2", False), ("3", True)]


def test_commas_quotes_backslashes_and_line_breaks_belong_to_the_review(classify):
    texts = ['dull, "very" dull, good', "dull\nand\n\ngood", "dull\r\ngood", 'a "good" one', "dull\\", "\\", '"good"']

    done = classify(feed(*((number, text) for number, text in enumerate(texts))))

    assert [positive for _, positive in done.rows] == ["good" in text for text in texts]
    assert done.counts == (7, 7, 0)


def test_every_review_is_classified_as_its_words_say(classify):
    chance = random.Random(1)
    parts = ["good", "Good", "goods", "bad", " ", ",", '"', "\n", "\r\n", "\\", ".", "_", "é", "ß", "'", "-", "4", "文"]
    texts = ["".join(chance.choices(parts, k=chance.randint(0, 8))) for _ in range(3000)]

    done = classify(feed(*enumerate(texts)))

    words = [re.split(r"\W+", text.lower()) for text in texts]
    assert done.rows == [(str(number), "good" in found) for number, found in enumerate(words)]


def test_a_customer_is_a_whole_number_whatever_wrote_it(classify):
    cids = ["17850", "17850.0", "0017850", " 17850 ", "17850.00", "0", "00.0"]

    done = classify(feed(*((cid, "good") for cid in cids)))

    assert [cid for cid, _ in done.rows] == ["17850"] * 5 + ["0"] * 2


def test_what_is_no_whole_number_is_refused(classify):
    cids = ["x", "1.5", "-1", "1e5", "17850.", "1 2", "9" * 101, "١٢", "17850.0x", "NaN"]

    done = classify(feed((1, "good"), *((cid, "a good, film") for cid in cids)))

    assert done.rows == [("1", True)]
    assert done.refused == [(f'{cid},"a good, film"', NO_NUMBER) for cid in cids]


def test_a_review_of_nobody_is_refused(classify):
    done = classify('cid,review_str\n,good\n" ",good\n')

    assert done.refused == [(",good", "cid is missing"), (" ,good", "cid is missing")]
    assert done.counts == (2, 0, 2)


def test_a_row_that_does_not_fit_the_columns_is_refused_with_its_text(classify):
    done = classify('cid,review_str\n1,good\n2\n3,"a, b",c\n4,good\n')

    assert done.rows == [("1", True), ("4", True)]
    assert done.refused == [("2", UNPARSED), ('3,"a, b",c', UNPARSED)]
    assert done.counts == (4, 2, 2)


def test_what_was_refused_can_be_fed_again(classify, spark, tmp_path):
    first = classify(feed(("1x", 'a "good",\nfilm\\'), ("", "good, or not")))

    again = run_on(spark, classified_movie_review, tmp_path / "again", "cid,review_str\n" + first.refused[0][0] + "\n")

    assert again.refused == [first.refused[0]]


def test_a_day_without_reviews_is_one_file_with_the_columns(classify):
    done = classify("cid,review_str\n")

    assert done.table.schema.names == ["cid", "positive_review"]
    assert done.counts == (0, 0, 0)
    assert len(done.report["files"]) == 1


def test_a_folder_without_files_is_a_day_without_reviews(classify):
    done = classify()

    assert done.table.schema.names == ["cid", "positive_review"]
    assert done.counts == (0, 0, 0)


def test_the_columns_are_those_of_the_external_table(classify):
    done = classify(feed((1, "good")))

    assert [(field.name, field.type) for field in done.table.schema] == [
        ("cid", pa.string()),
        ("positive_review", pa.bool_()),
    ]


def test_the_parts_of_a_feed_become_one_file(classify):
    done = classify(feed((1, "good"), ("x", "bad")), feed((2, "bad")), feed((3, "good")), feed())

    assert sorted(done.rows) == [("1", True), ("2", False), ("3", True)]
    assert done.counts == (4, 3, 1)
    assert len(done.report["files"]) == 1


def test_another_header_fails_the_job_and_is_named(classify):
    with pytest.raises(Exception, match="CSV header does not conform"):
        classify("review_str,cid\ngood,1\n")
