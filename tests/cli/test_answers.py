"""What the commands answer with --json."""

import json
import os
import time
from decimal import Decimal

import pytest
from fixtures_cli import DAY, REVIEWS, commit
from fixtures_mail import inbox  # noqa: F401

from pipeline.core.lake import Input, Lake
from pipeline.core.store import open_store

PURCHASES = "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country\n"


@pytest.fixture
def answer(lakeshift):
    """Return what runs a command that ends well, and returns its answer."""

    def run(*arguments):
        done = lakeshift(*arguments, "--json")
        assert done.code == 0, done.err
        return json.loads(done.out)

    return run


@pytest.fixture
def lake(tmp_path):
    return Lake(open_store(str(tmp_path / "lake")))


@pytest.fixture
def lost(lake, tmp_path):
    """An attempt that was never committed, 30 days ago."""
    attempt = lake.begin(REVIEWS[1], DAY, "test")
    with attempt.open("part-0000.parquet") as file:
        file.write(b"rows")
    for path in (tmp_path / "lake").rglob("*"):
        os.utime(path, (time.time() - 30 * 86400,) * 2)
    return attempt


def test_a_query_answers_with_every_row_and_no_digit_less(answer):
    rows = "SELECT CAST('0.10' AS decimal(38,2)) AS amount, DATE '2010-12-01' AS day, NULL AS none FROM range(30)"

    found = answer("query", rows)

    assert (found["columns"], found["row_count"], len(found["rows"])) == (["amount", "day", "none"], 30, 30)
    assert found["rows"][0] == {"amount": "0.10", "day": "2010-12-01", "none": None}
    assert Decimal(found["rows"][0]["amount"]) == Decimal("0.10")


def test_a_query_answers_with_as_many_rows_as_are_asked_for(answer):
    found = answer("query", "SELECT * FROM range(30)", "--limit", "2")

    assert (found["row_count"], len(found["rows"])) == (30, 2)


def test_columns_of_one_name_are_told_apart(answer):
    assert answer("query", "SELECT 1 AS a, 2 AS a, 3 AS a_2")["rows"] == [{"a": 1, "a_2": 2, "a_2_2": 3}]


def test_the_settings_are_an_answer_without_passwords(answer, settings):
    settings("database", "url", "postgresql://me:trapdoor@host/db")

    found = answer("config")["settings"]

    masked = {
        "section": "database",
        "setting": "url",
        "value": "postgresql://me:***@host/db",
        "from": "set at run time",
    }
    assert masked in found
    assert "trapdoor" not in json.dumps(found)


def test_a_rerun_answers_with_what_is_asked_for_and_which_sources_have_changed(answer, lake, tmp_path):
    for dataset in REVIEWS:
        commit(lake, dataset, Input("feed", str(DAY), fingerprint={"hash": "old"}))
    (tmp_path / "vendor").mkdir()
    (tmp_path / "vendor/movie_review.csv").write_text("cid,review_str\n1,good\n")

    found = answer("rerun", "ClassifiedMovieReview", "--date", "2010-12-01")

    assert found["has_changed"] == {"MovieReview": True}
    assert [(one["task"], one["date"]) for one in found["asked"]] == [
        ("MovieReview", "2010-12-01"),
        ("ClassifiedMovieReview", "2010-12-01"),
    ]
    assert [one["task"] for one in found["left"]] == ["ClassifiedMovieReviewPartition", "UserBehaviourMetric"]
    assert len(found["next"]) == 1 and found["next"][0].startswith("luigi --module pipeline.user_behaviour Class")


def test_a_vacuum_that_removes_answers_with_what_is_gone(answer, lake, lost):
    due, found, after = answer("vacuum"), answer("vacuum", "--delete"), answer("vacuum")

    assert [one["next"] for one in (due, found, after)] == ["lakeshift vacuum --delete", "", ""]
    [one] = found["attempts"]
    assert (one["dataset"], one["attempt"], one["partitions"]) == (str(REVIEWS[1]), lost.id, [str(DAY)])
    assert (one["files"], one["bytes"], found["is_deleted"]) == (1, 4, True)


def test_an_import_answers_with_its_counts_and_days_and_says_them_on_stderr(seeded, tmp_path):
    seeded("migrate")
    path = tmp_path / "purchases.csv"
    path.write_text(f"{PURCHASES}1,A,it,1,2010-12-01 08:26:00,2.50,7,United Kingdom\n")

    done = seeded("seed", "--purchases", str(path), "--json")

    found = json.loads(done.out)
    assert found["purchases"]["rows"] == {"read": 1, "written": 1, "refused": 0}
    assert (found["purchases"]["days"], found["review_feed"], found["days_again"]) == (["2010-12-01"], None, [])
    assert "Purchases: read 1, wrote 1, refused 0" in done.err


def test_generated_prices_are_an_answer_too(answer, settings, tmp_path):
    settings("stocks", "source", str(tmp_path / "stocks"))

    found = answer("seed", "stocks", "--companies", "2")

    assert (found["is_generated"], found["put"]["files"], found["is_made"]) == (True, 2, False)
    assert found["next"].startswith("luigi --module pipeline.stocks HistoricalStocks --date ")


def test_a_migration_answers_with_the_changes_of_each_store(seeded, tmp_path):
    due, made, again = (json.loads(seeded("migrate", *more, "--json").out) for more in (["--dry-run"], [], []))

    assert [len(one["changes"]) > 0 for one in due["stores"] + made["stores"]] == [True] * 4
    assert made["stores"][0]["store"] == f"The warehouse {tmp_path}/warehouse.duckdb"
    assert [one["changes"] for one in again["stores"]] == [[], []]


def test_a_message_answers_with_its_topic(answer, settings, inbox, ministack, monkeypatch):  # noqa: F811
    settings("alerts", "sns_topic_arn", inbox.topic)
    monkeypatch.setenv("AWS_ENDPOINT_URL_SNS", ministack)

    assert answer("alert") == {"topic": inbox.topic, "subject": "lakeshift_Pipeline_Test"}
