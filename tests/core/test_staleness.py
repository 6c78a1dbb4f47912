"""Why a partition is stale: what it names as its inputs is there by another attempt, or has changed outside."""

from __future__ import annotations

import pytest
from fixtures_days import DAYS, metrics

from pipeline.core.errors import SourceUnavailable
from pipeline.core.lake import lake
from pipeline.core.staleness import Status, survey
from pipeline.core.warehouse import warehouse
from pipeline.user_behaviour import (
    ClassifiedMovieReview,
    ClassifiedMovieReviewPartition,
    MovieReview,
    UserBehaviourMetric,
    UserPurchase,
    UserPurchasePartition,
)

FIRST, SECOND = DAYS[:2]


@pytest.fixture
def made(days):
    """Two days that were made."""
    for day in (FIRST, SECOND):
        days.given_purchases(day, "1.00", "2.00")
    days.make([FIRST, SECOND])
    return days


def standing(*of):
    """Return the status and the cause of the tasks that are not complete, of the metrics of two days, or of others."""
    nodes = survey(of or metrics([FIRST, SECOND])).values()
    return {
        node.task: (node.status, node.cause and node.cause.what) for node in nodes if node.status != Status.COMPLETE
    }


def test_nothing_is_stale_of_what_was_just_made(made):
    assert standing() == {}


def test_purchases_that_changed_make_all_stale_that_is_made_of_them(made):
    made.given_purchases(SECOND, "1.00", "2.00", "3.00")

    cause = "the source of UserPurchase has changed since it was read"
    kinds = (UserPurchase, UserPurchasePartition, UserBehaviourMetric)
    assert standing() == {kind(date=SECOND): (Status.STALE, cause) for kind in kinds}
    node = survey([UserPurchase(date=SECOND)])[UserPurchase(date=SECOND)]
    assert node.cause.detail.startswith("retail.user_purchase, rows 2 → 3, hash ")


def test_a_feed_that_was_replaced_makes_its_days_stale_and_one_that_is_gone_does_not(made):
    made.given_feed("dull")
    replaced = standing()
    made.feed.unlink()

    assert standing() == {}
    assert {task.date for task in replaced} == {FIRST, SECOND}
    assert {cause for _, cause in replaced.values()} == {"the source of MovieReview has changed since it was read"}
    assert isinstance(survey([MovieReview(date=FIRST)])[MovieReview(date=FIRST)].source, SourceUnavailable)


def test_what_was_read_and_is_there_by_another_attempt_is_named(made):
    task = UserPurchase(date=SECOND)
    before = lake().manifest(task.dataset, task.partition).attempt
    task.output().request_rerun()
    task.make()

    nodes = survey([UserBehaviourMetric(date=SECOND)])

    cause = nodes[UserBehaviourMetric(date=SECOND)].cause
    now = lake().manifest(task.dataset, task.partition).attempt
    assert (cause.task, cause.what) == (task, "UserPurchase was replaced since it was read")
    assert cause.detail == f"{before} was read, {now} is there now"
    assert not nodes[UserPurchasePartition(date=SECOND)].is_complete


def test_what_was_asked_for_again_makes_stale_what_is_made_of_it(made):
    MovieReview(date=FIRST).output().request_rerun()

    cause = "MovieReview was asked for again"
    later = (ClassifiedMovieReview, ClassifiedMovieReviewPartition, UserBehaviourMetric)
    assert standing() == {
        MovieReview(date=FIRST): (Status.ASKED, cause),
        **{kind(date=FIRST): (Status.STALE, cause) for kind in later},
    }


def test_a_table_that_was_asked_for_again_is_due_alone(made):
    UserBehaviourMetric(date=FIRST).output().request_rerun()

    assert standing() == {UserBehaviourMetric(date=FIRST): (Status.ASKED, "UserBehaviourMetric was asked for again")}


def test_the_first_cause_is_the_one_furthest_upstream(made):
    UserPurchase(date=FIRST).output().request_rerun()
    ClassifiedMovieReview(date=FIRST).output().request_rerun()

    assert standing()[UserBehaviourMetric(date=FIRST)][1] == "UserPurchase was asked for again"


def test_a_catalogue_that_points_at_an_attempt_that_was_replaced_does_not_make_the_metric_stale(made):
    task = UserPurchase(date=FIRST)
    old = lake().manifest(task.dataset, task.partition).location
    task.output().request_rerun()
    made.make([FIRST])
    UserBehaviourMetric(date=FIRST).output().request_rerun()
    made.make([FIRST])

    warehouse().set_external_partitions(UserPurchasePartition.table, {task.partition: old})

    cause = "UserPurchase was replaced since it was read"
    assert standing() == {UserPurchasePartition(date=FIRST): (Status.STALE, cause)}


def test_a_catalogue_that_points_into_another_lake_is_not_as_the_manifest_says(made):
    task = UserPurchasePartition(date=FIRST)
    here = lake().manifest(task.dataset, task.partition).location
    warehouse().set_external_partitions(task.table, {task.partition: f"/elsewhere{here}"})

    node = survey([task])[task]

    assert (node.status, node.is_complete, task.complete()) == (Status.STALE, False, False)
    assert node.cause.detail.startswith("another place was read")


def test_what_is_gone_from_the_lake_is_missing_and_leaves_what_was_made_of_it_as_it_is(made):
    dataset, partition = MovieReview.dataset, MovieReview(date=FIRST).partition
    lake().store.delete([f"{dataset}/_manifest/{partition}.json"])

    assert standing() == {MovieReview(date=FIRST): (Status.MISSING, None)}


@pytest.mark.parametrize("number", [3, 30])
def test_a_range_costs_as_many_questions_whatever_its_length(days, calls, number):
    for day in DAYS[:2]:
        days.given_purchases(day, "1.00")
    days.make(DAYS[:2])
    calls.clear()

    survey(metrics(DAYS[:number]))

    # Of three datasets the manifests and the rerun requests; two external tables, and etl_load; all days of PostgreSQL.
    assert calls == {"list": 6, "query": 3, "transaction": 1}
