"""Stores of a test's own, which count how often each is asked something; and what is complete in them."""

from __future__ import annotations

import functools
from collections import Counter

import pytest

from pipeline.core.etl_load import Load, Part
from pipeline.core.lake import Counts, File, Partition, lake
from pipeline.core.store.local import LocalStore
from pipeline.core.warehouse import warehouse
from pipeline.core.warehouse.embedded import DuckWarehouse
from pipeline.user_behaviour import MovieReview, UserBehaviourMetric

METRIC = UserBehaviourMetric.table


@pytest.fixture
def calls(settings, tmp_path, monkeypatch) -> Counter:
    """Own stores, and how often each is asked something."""
    settings("lake", "root", str(tmp_path / "lake"))
    settings("warehouse", "url", f"duckdb:{tmp_path}/warehouse.duckdb")
    counted: Counter = Counter()
    for kind, name in ((LocalStore, "list"), (LocalStore, "read"), (DuckWarehouse, "query")):
        monkeypatch.setattr(kind, name, count_calls(counted, name, getattr(kind, name)))
    return counted


def count_calls(counted, name, method):
    @functools.wraps(method)
    def counting(*arguments, **named):
        counted[name] += 1
        return method(*arguments, **named)

    return counting


def given_reviews_of(day):
    given(MovieReview.dataset, day)


def given(dataset, day):
    """Commit an empty file, and return where it lies."""
    attempt = lake().begin(dataset, Partition.of_date(day), "test")
    with attempt.open("part-0000.csv") as file:
        file.write(b"cid,review_str\n")
    return attempt.commit([File("part-0000.csv", 15, 0)], Counts(0, 0, 0), {}, (), "test").location


def given_metric_of(day):
    with warehouse().loading(Load(METRIC, "attempt", "code", {Partition.of_date(day): Part("task")})):
        pass
