"""Where the complete partitions of a dataset lie is known from listings; in a local folder and on S3."""

# ruff: noqa: F811 - fixtures

import pytest
from fixtures_lake import (  # noqa: F401 - fixtures
    DATASET,
    DAY,
    NEXT_DAY,
    begin,
    commit,
    lake,
    make,
    proxied,
    proxy,
    store,
    write,
)

from pipeline.core.lake import Lake, Partition

DAYS = [Partition("insert_date", f"2010-12-{day:02}") for day in range(1, 31)]


def test_a_partition_lies_where_its_manifest_says(lake):
    manifests = [make(lake, DAY), make(lake, NEXT_DAY)]

    locations = lake.committed_locations(DATASET)

    assert locations == {manifest.partition: manifest.location for manifest in manifests}


@pytest.mark.parametrize("left_over", ["earlier", "later"])
def test_an_attempt_that_was_never_committed_is_not_taken_for_the_one_that_was(lake, left_over):
    attempts = sorted((begin(lake), begin(lake)), key=lambda attempt: attempt.id)
    lost, won = attempts if left_over == "earlier" else reversed(attempts)
    write(lost)
    commit(won, write(won))

    assert lake.committed_locations(DATASET) == {DAY: won.location}


def test_what_is_not_complete_lies_nowhere(lake):
    write(begin(lake))
    make(lake, NEXT_DAY)
    lake.request_rerun(DATASET, NEXT_DAY)
    complete = make(lake, DAYS[7])

    assert lake.committed_locations(DATASET) == {DAYS[7]: complete.location}


def test_what_a_job_left_beside_its_partitions_is_passed_over(lake):
    manifest = make(lake)
    for name in ("_SUCCESS", "_temporary/0/part"):
        assert lake.store.create(f"{DATASET}/{manifest.attempt}/{name}", b"")

    assert lake.committed_locations(DATASET) == {DAY: manifest.location}


def test_a_commit_between_the_listings_does_not_make_another_attempts_data_good(lake, monkeypatch):
    write(begin(lake))
    make(lake, NEXT_DAY)
    attempt = begin(lake)
    list_all, listings = lake.store.list, iter(("requests", "manifests", "data"))

    def commit_before_the_data_is_listed(folder):
        if next(listings) == "data":
            monkeypatch.undo()
            commit(attempt, write(attempt))
        return list_all(folder)

    monkeypatch.setattr(lake.store, "list", commit_before_the_data_is_listed)
    found = lake.committed_locations(DATASET)

    assert found.get(DAY) in (None, attempt.location)


def test_thirty_partitions_cost_three_listings_and_a_read_for_each_that_two_attempts_hold(proxied, proxy):
    lake = Lake(proxied)
    for day in DAYS:
        make(lake, day)
    lake.request_rerun(DATASET, DAYS[7])
    again = make(lake, DAYS[7])
    proxy.requests.clear()

    locations = lake.committed_locations(DATASET)

    assert (len(locations), locations[DAYS[7]]) == (30, again.location)
    assert sorted("list-type" in request.path for request in proxy.requests) == [False, True, True, True]
