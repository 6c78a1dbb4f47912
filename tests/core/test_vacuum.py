"""What attempts left is found and removed, and nothing that is needed; in a local folder and on S3."""

# ruff: noqa: F811 - fixtures

import os
import signal
from dataclasses import replace
from datetime import datetime, timedelta, timezone

import pytest
from fixtures_lake import (  # noqa: F401 - fixtures
    DATASET,
    DAY,
    FORK,
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

from pipeline.core.lake import Lake
from pipeline.core.lake.vacuum import Claim, leftovers, remove, unfinished

HOUR = timedelta(hours=1)


def later(lapse=HOUR):
    return datetime.now(timezone.utc) + lapse


def left(lake, before=None, pointed_at=(), claims=()):
    """Return the folders of what was left, seen an hour later unless told."""
    found = leftovers(lake, before or later(), lambda location: location in pointed_at, lambda: claims)
    return [one.folder for one in found]


@pytest.fixture
def shift(lake, monkeypatch):
    """Return what makes files whose path has a part look younger, or older, in each listing."""
    shifts, list_all = {}, lake.store.list

    def shifted(folder):
        for listed in list_all(folder):
            lapse = sum((lapse for part, lapse in shifts.items() if part in listed.path), timedelta())
            yield replace(listed, modified=listed.modified + lapse)

    monkeypatch.setattr(lake.store, "list", shifted)
    return shifts.__setitem__


@pytest.mark.parametrize("is_made_later", [False, True])
def test_an_attempt_that_was_never_committed_is_left_over(lake, is_made_later):
    lost = begin(lake)
    write(lost)
    if is_made_later:
        make(lake)

    assert left(lake) == [lost.folder]


def test_what_a_manifest_names_is_not_left_over(lake):
    make(lake)
    make(lake, NEXT_DAY)

    assert left(lake) == []


def test_what_was_replaced_is_left_over(lake):
    first = make(lake)
    lake.request_rerun(DATASET, DAY)
    make(lake)

    assert left(lake) == [f"{DATASET}/{first.attempt}/{DAY}"]


def test_what_was_replaced_lately_may_still_be_read(lake, shift):
    first = make(lake)
    lake.request_rerun(DATASET, DAY)
    make(lake)
    shift(first.attempt, -2 * HOUR)

    assert left(lake, before=later(-HOUR)) == []


def test_what_was_written_lately_may_still_be_committed(lake, shift):
    attempt = begin(lake)
    write(attempt)
    with attempt.open("part-0001.csv") as file:
        file.write(b"more\n")
    refuse(attempt)
    shift(f"{attempt.id}/{DAY}/part-0001", 2 * HOUR)

    assert left(lake) == []


def test_what_an_external_partition_points_at_is_needed(lake):
    first = make(lake)
    lake.request_rerun(DATASET, DAY)
    make(lake)

    assert left(lake, pointed_at={first.location}) == []


def claim(attempt, since=HOUR):
    """Return what steps that make an attempt say of it, begun so much later than now."""
    return Claim(DATASET, attempt.partition, attempt.id, later(since))


@pytest.mark.parametrize("is_made_before", [False, True])
def test_what_steps_elsewhere_make_may_still_be_committed(lake, is_made_before):
    if is_made_before:
        make(lake)
        lake.request_rerun(DATASET, DAY)
    attempt, lost = begin(lake), begin(lake)
    for one in (attempt, lost):
        refuse(one)
        write(one)

    assert left(lake, claims=[claim(attempt)]) == [lost.quarantine, lost.folder]


def test_what_lies_beside_the_partition_that_steps_make_stays_with_it(lake):
    attempt = begin(lake)
    assert lake.store.create(f"{DATASET}/{attempt.id}/report.json", b"{}")

    assert left(lake, claims=[claim(attempt)]) == []


def test_what_steps_made_that_another_beat_is_left_over(lake):
    attempt = begin(lake)
    write(attempt)
    make(lake)

    assert left(lake, claims=[claim(attempt, since=-HOUR)]) == [attempt.folder]


def test_what_steps_made_is_needed_once_it_is_committed_although_it_was_listed_before(lake):
    attempt = begin(lake)
    files = write(attempt)

    def claims():
        commit(attempt, files)
        return [claim(attempt, since=-HOUR)]

    assert leftovers(lake, later(), lambda location: False, claims) == []


def test_an_attempt_that_is_committed_while_it_is_looked_at_is_needed(lake, monkeypatch):
    attempt = begin(lake)
    files, list_all, listings = write(attempt), lake.store.list, iter((1, 2))

    def commit_before_the_second(folder):
        if next(listings) == 2:
            monkeypatch.undo()
            commit(attempt, files)
        return list_all(folder)

    monkeypatch.setattr(lake.store, "list", commit_before_the_second)

    assert left(lake) == []


def refuse(attempt):
    with attempt.open_refused("refused.csv") as file:
        file.write(b"1,bad\n")


def test_refused_rows_go_with_the_attempt_that_refused_them(lake):
    lost, won = begin(lake), begin(lake)
    for attempt in (lost, won):
        refuse(attempt)
        write(attempt)
    commit(won, write(won))

    assert left(lake) == [lost.quarantine, lost.folder]


def test_refused_rows_of_which_nothing_was_written_go_when_they_are_old(lake, shift):
    old, young = begin(lake), begin(lake)
    for attempt in (old, young):
        refuse(attempt)
    shift(young.id, 2 * HOUR)

    assert left(lake) == [old.quarantine]


def test_of_an_attempt_at_several_partitions_those_that_are_needed_stay(lake):
    attempt, other = begin(lake), begin(lake, NEXT_DAY)
    both = replace(other, id=attempt.id)
    assert lake.store.create(f"{DATASET}/{attempt.id}/_SUCCESS", b"")
    write(both)
    commit(attempt, write(attempt))
    assert left(lake) == [both.folder]

    lake.request_rerun(DATASET, DAY)
    make(lake)

    assert left(lake) == [f"{DATASET}/{attempt.id}", attempt.folder, both.folder]


def test_what_is_not_an_attempts_is_left_alone(lake):
    for path in (
        "notes.txt",
        "stage/notes.txt",
        "a/b/c/d/e",
        f"{DATASET}/mine/{DAY}/x",
        "a b/c/20101201T000000Z-00000000/d",
    ):
        assert lake.store.create(path, b"")

    assert left(lake) == []


def clean(lake):
    found = leftovers(lake, later(), lambda location: False, tuple)
    remove(lake.store, found, unfinished(lake.store, later()))
    return [one.folder for one in found]


def test_what_is_removed_is_gone_and_the_rest_is_there(lake):
    lost = begin(lake)
    write(lost)
    refuse(lost)
    assert lake.store.create(f"{lost.folder}/.part-0000.csv.crc", b"")
    manifest = make(lake)

    clean(lake)

    kept = [f"{DATASET}/{manifest.attempt}/{DAY}/part-0000.csv", f"{DATASET}/_manifest/{DAY}.json"]
    assert [listed.path for listed in lake.store.list("")] == kept
    assert lake.store.read(f"{lost.folder}/.part-0000.csv.crc") is None
    assert left(lake) == []


def test_a_removal_that_was_killed_is_completed_by_the_next(lake, monkeypatch):
    for _ in range(3):
        write(begin(lake))
    delete = lake.store.delete

    def die_after_the_first(paths):
        delete([next(iter(paths))])
        os.kill(os.getpid(), signal.SIGKILL)

    with monkeypatch.context() as patch:
        patch.setattr(lake.store, "delete", die_after_the_first)
        child = FORK.Process(target=clean, args=(lake,))
        child.start()
        child.join(30)

    assert (child.exitcode, len(clean(lake)), left(lake)) == (-signal.SIGKILL, 2, [])


def test_many_attempts_are_removed_by_one_request(proxied, proxy):
    lake = Lake(proxied)
    for _ in range(5):
        write(begin(lake))

    clean(lake)

    assert proxy.statuses("POST", "?delete") == [200]


def test_an_upload_that_will_not_be_finished_is_aborted(store):
    lake = Lake(store)
    attempt, mine = begin(lake), store.open("mine/unfinished", "wb")
    upload = attempt.open("part-0000.csv")
    for file in (mine, upload):
        # More than one part, so that it has been begun on S3.
        file.write(bytes(60 << 20))

    assert unfinished(store, later(-HOUR)) == []
    assert [one.path for one in unfinished(store, later())] == [f"{attempt.folder}/part-0000.csv"]
    clean(lake)

    assert [one.path for one in store.uploads()] == ["mine/unfinished"]
    for file in (mine, upload):
        file.discard()
