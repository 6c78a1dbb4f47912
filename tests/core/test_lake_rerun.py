"""A committed partition is made again when somebody asks for it, and as often as somebody asks."""

# ruff: noqa: F811 - fixtures

import pytest
from fixtures_lake import (  # noqa: F401 - fixtures
    DATASET,
    DAY,
    NEXT_DAY,
    begin,
    commit,
    commit_or_lose,
    in_processes,
    is_complete,
    lake,
    make,
    requests_left,
    store,
    write,
)

from pipeline.core.errors import CommitLost, PipelineError, SourceUnavailable


def test_a_partition_that_is_to_be_replaced_names_what_to_run(lake):
    make(lake)
    lake.request_rerun(DATASET, DAY)

    with pytest.raises(SourceUnavailable, match=r"is to be replaced: run UserPurchase_2010_12_01 again first"):
        lake.manifest(DATASET, DAY)


def test_of_many_processes_one_replaces(lake):
    old = make(lake)
    lake.request_rerun(DATASET, DAY)
    attempts = [begin(lake) for _ in range(4)]

    won = [name for name in in_processes(lambda number: commit_or_lose(attempts[number]), 4) if name]

    manifest = lake.manifest(DATASET, DAY)
    assert won == [manifest.attempt]
    assert manifest.replaced == old.attempt


def test_a_rerun_replaces_what_was_committed(lake):
    old = make(lake)
    name = lake.request_rerun(DATASET, DAY)
    asked = is_complete(lake)

    new = make(lake)

    assert not asked
    assert is_complete(lake)
    assert (new.replaced, new.reruns) == (old.attempt, (name,))
    assert requests_left(lake) == []


def test_a_rerun_leaves_the_other_days_alone(lake):
    make(lake)
    make(lake, NEXT_DAY)

    lake.request_rerun(DATASET, DAY)

    assert lake.complete_partitions(DATASET) == {NEXT_DAY}


def test_until_it_is_replaced_the_old_data_stays(lake):
    old = make(lake)
    lake.request_rerun(DATASET, DAY)
    write(begin(lake))

    assert lake.state(DATASET, DAY).manifest == old


def test_nothing_that_was_never_made_can_be_made_again(lake):
    with pytest.raises(PipelineError, match="never made"):
        lake.request_rerun(DATASET, DAY)

    assert requests_left(lake) == []


def test_all_requests_that_an_attempt_saw_are_answered_by_it(lake):
    make(lake)
    names = [lake.request_rerun(DATASET, DAY) for _ in range(3)]

    new = make(lake)

    assert sorted(new.reruns) == sorted(names)
    assert is_complete(lake)


def test_a_rerun_that_is_asked_for_during_an_attempt_is_for_the_next(lake):
    make(lake)
    lake.request_rerun(DATASET, DAY)
    attempt = begin(lake)
    later = lake.request_rerun(DATASET, DAY)

    commit(attempt, write(attempt))

    assert not is_complete(lake)
    assert make(lake).reruns == (later,)
    assert is_complete(lake)


def test_a_loser_finds_that_it_is_to_be_done_again(lake):
    first, second = begin(lake), begin(lake)
    commit(first, write(first))
    lake.request_rerun(DATASET, DAY)

    with pytest.raises(SourceUnavailable, match=r"changed while .* and is not complete. Run it again"):
        commit(second, write(second))

    assert lake.state(DATASET, DAY).manifest.attempt == first.id


def test_a_writer_that_wakes_after_a_rerun_does_not_bring_back_the_old(lake):
    make(lake)
    lake.request_rerun(DATASET, DAY)
    frozen = begin(lake)
    files = write(frozen)
    make(lake)
    lake.request_rerun(DATASET, DAY)
    newest = make(lake)

    with pytest.raises(CommitLost):
        commit(frozen, files)

    assert lake.manifest(DATASET, DAY) == newest


def test_a_winner_that_wakes_deletes_no_newer_request(lake):
    make(lake)
    lake.request_rerun(DATASET, DAY)
    frozen = begin(lake)
    commit(frozen, write(frozen))
    lake.request_rerun(DATASET, DAY)

    frozen._forget_reruns()

    assert not is_complete(lake)
    assert len(requests_left(lake)) == 1
