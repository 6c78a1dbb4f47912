"""A backfill with --refresh makes what is stale again, what is made of it, and nothing else."""

from __future__ import annotations

import luigi
import pytest
from fixtures_days import DAYS, calls, days  # noqa: F401 - fixtures

from pipeline.backfill import Backfill
from pipeline.core import run
from pipeline.user_behaviour import UserBehaviourMetric, UserPurchase

RANGE = "2010-12-01-2010-12-04"


@pytest.fixture
def made(days, monkeypatch, spark_run):  # noqa: F811
    """Three days that were made, with the receipt of that."""
    monkeypatch.setattr(run, "open_file", lambda path: None)
    for day in DAYS[:3]:
        days.given_purchases(day, "1.00")
    days.make(DAYS[:3])
    assert backfill()
    return days


def backfill(**options) -> bool:
    luigi.task.Register.clear_instance_cache()
    return luigi.build([Backfill(of=UserBehaviourMetric, range=RANGE, **options)], local_scheduler=True)


def refreshed(days) -> set[str]:  # noqa: F811
    """Return what a backfill with --refresh has made again."""
    before = days.attempts()
    assert backfill(refresh=True)
    return {name for name, attempt in days.attempts().items() if attempt != before[name]}


def test_only_a_day_that_changed_is_made_again_with_all_that_is_made_of_it(made):
    made.given_purchases(DAYS[1], "1.00", "2.00")

    without = backfill(), made.attempts()[f"metric/{DAYS[1]}"]
    again = refreshed(made)

    assert without[0] and again == {f"stage/user_purchase/{DAYS[1]}", f"metric/{DAYS[1]}"}
    assert refreshed(made) == set()


def test_what_was_replaced_already_is_kept_and_what_is_made_of_it_is_made_again(made):
    task = UserPurchase(date=DAYS[2])
    task.output().request_rerun()
    task.make()

    assert refreshed(made) == {f"metric/{DAYS[2]}"}


def test_a_feed_that_was_replaced_is_read_and_classified_again_by_one_job_for_all_days(made):
    made.given_feed("dull")

    again = refreshed(made)

    names = ("raw/movie_review", "stage/classified_movie_review", "metric")
    assert again == {f"{name}/{day}" for name in names for day in DAYS[:3]}
    classified = {attempt for name, attempt in made.attempts().items() if "classified" in name}
    assert len(classified) == 1


def test_a_refresh_of_what_has_not_changed_costs_a_look_at_each_store(made, calls):  # noqa: F811
    calls.clear()

    assert refreshed(made) == set()
    assert calls["request_rerun"] == 0
    # Of these one is for the receipt, and six and two are those of attempts() here.
    assert (calls["list"], calls["query"]) == (13, 5)
