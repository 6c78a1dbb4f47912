"""What a run over a range would make, and what a refresh asks for."""

from __future__ import annotations

import sys

import pytest
from fixtures_days import DAYS, metrics

from pipeline.core import plans
from pipeline.core.lake import Lake, lake
from pipeline.core.plans import plan, request_refresh
from pipeline.core.warehouse import warehouse
from pipeline.user_behaviour import (
    MovieReview,
    UserBehaviourMetric,
    UserPurchase,
    UserPurchasePartition,
)

FIRST, SECOND, THIRD = DAYS[:3]


@pytest.fixture
def made(days):
    """Two days that were made, of three that have purchases."""
    for day in (FIRST, SECOND, THIRD):
        days.given_purchases(day, "1.00")
    days.make([FIRST, SECOND])
    return days


def due(days, refresh=False):
    return [f"{node.task.task_family} {node.task.date.day}" for node in plan(metrics(days), refresh).due]


def test_what_is_not_complete_is_due_first_to_last(made):
    assert due([FIRST, SECOND, THIRD]) == [
        "UserPurchase 3",
        "UserPurchasePartition 3",
        "MovieReview 3",
        "ClassifiedMovieReview 3",
        "ClassifiedMovieReviewPartition 3",
        "UserBehaviourMetric 3",
    ]


def test_what_is_stale_is_due_on_a_refresh_alone(made):
    made.given_purchases(SECOND, "2.00")

    assert due([FIRST, SECOND]) == []
    assert due([FIRST, SECOND], refresh=True) == ["UserPurchase 2", "UserPurchasePartition 2", "UserBehaviourMetric 2"]


def test_what_a_complete_partition_was_made_of_is_due_only_if_that_is_made_again(made):
    lake().store.delete([f"{MovieReview.dataset}/_manifest/{MovieReview(date=FIRST).partition}.json"])
    complete = due([FIRST], refresh=True)
    made.given_purchases(FIRST, "2.00")
    again = due([FIRST], refresh=True)

    assert complete == []
    # Its classified reviews are there.
    assert again == ["UserPurchase 1", "UserPurchasePartition 1", "UserBehaviourMetric 1"]


def test_a_refresh_makes_only_what_has_changed_again_and_all_that_is_made_of_it(made):
    before = made.attempts()
    made.given_purchases(SECOND, "2.00")

    asked = request_refresh(metrics([FIRST, SECOND]))
    made.make([FIRST, SECOND])

    assert [node.task for node in asked] == [UserPurchase(date=SECOND), UserBehaviourMetric(date=SECOND)]
    changed = {name for name, attempt in made.attempts().items() if attempt != before[name]}
    assert changed == {f"stage/user_purchase/{SECOND}", f"metric/{SECOND}"}
    assert request_refresh(metrics([FIRST, SECOND])) == []


def test_a_refresh_makes_again_what_is_made_of_what_somebody_asked_for(made):
    UserPurchase(date=FIRST).output().request_rerun()

    assert [node.task for node in request_refresh(metrics([FIRST]))] == [UserBehaviourMetric(date=FIRST)]


def test_a_refresh_sets_right_a_catalogue_that_points_elsewhere(made):
    task = UserPurchasePartition(date=FIRST)
    warehouse().set_external_partitions(task.table, {task.partition: "/elsewhere"})

    asked = request_refresh(metrics([FIRST, SECOND]))
    made.make([FIRST, SECOND])

    assert ([node.task for node in asked], task.complete()) == ([UserBehaviourMetric(date=FIRST)], True)


def test_a_refresh_that_is_killed_leaves_nothing_complete_that_is_made_of_what_is_asked_for(made, monkeypatch):
    made.given_feed("dull")
    ask = Lake.request_rerun
    monkeypatch.setattr(Lake, "request_rerun", lambda *asked: [ask(*asked), sys.exit(9)])

    with pytest.raises(SystemExit):
        request_refresh(metrics([FIRST]))

    assert (UserBehaviourMetric(date=FIRST).complete(), MovieReview(date=FIRST).complete()) == (False, True)


@pytest.mark.parametrize("number", [3, 30])
def test_a_refresh_of_what_is_unchanged_asks_for_nothing_and_costs_the_same_whatever_its_length(made, calls, number):
    calls.clear()

    assert request_refresh(metrics(DAYS[:number])) == []
    assert calls == {"list": 6, "query": 3, "transaction": 1}


def test_a_plan_has_the_same_hash_until_something_moves(made, monkeypatch):
    def digest(*days, refresh=False):
        return plan(metrics(days), refresh).digest()

    before = digest(FIRST, THIRD)
    assert before == digest(FIRST, THIRD)
    found = {before, digest(FIRST, SECOND, THIRD), digest(SECOND), digest(THIRD, refresh=True)}

    made.given_purchases(THIRD, "1.00", "2.00")
    source = digest(FIRST, THIRD)
    MovieReview(date=THIRD).make()
    input_made = digest(FIRST, THIRD)
    MovieReview(date=THIRD).output().request_rerun()
    MovieReview(date=THIRD).make()
    replaced = digest(FIRST, THIRD)
    monkeypatch.setattr(plans, "code_version", lambda: "0.2.0")

    found |= {source, input_made, replaced, digest(FIRST, THIRD)}
    assert len(found) == 8, found
    assert not UserPurchasePartition(date=THIRD).complete()
