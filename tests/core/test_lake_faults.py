"""Replies are lost, puts are held up, a process is killed: a partition is still committed once, or not at all."""

# ruff: noqa: F811 - fixtures

import os
import signal
import threading

import pytest
from fixtures_lake import (  # noqa: F401 - fixtures
    DATASET,
    DAY,
    FORK,
    begin,
    commit,
    commit_or_lose,
    is_complete,
    lake,
    make,
    proxied,
    requests_left,
    store,
    write,
)
from fixtures_s3 import proxy, put_all  # noqa: F401 - fixtures
from s3_proxy import lost_reply, lost_request, s3_error

from pipeline.core.errors import CommitLost, SourceUnavailable
from pipeline.core.lake import Lake, Partition

MANIFEST = "/_manifest/insert_date=2010-12-01.json"


@pytest.fixture
def far(proxied):
    """A lake on S3 that is reached through the proxy."""
    return Lake(proxied)


class Frozen:
    """Holds a request until it is woken."""

    def __init__(self):
        self.reached, self.woken = threading.Event(), threading.Event()

    def __call__(self, send):
        self.reached.set()
        self.woken.wait(10)
        return send()


def test_the_winner_wins_when_the_reply_to_its_put_is_lost(far, proxy):
    proxy.spoil("PUT", MANIFEST, lost_reply)

    won = make(far)

    assert proxy.statuses("PUT", MANIFEST) == [200, 412]
    assert far.manifest(DATASET, DAY) == won


def test_the_winner_wins_when_every_reply_to_its_put_is_lost(far, proxy):
    proxy.spoil("PUT", MANIFEST, lost_reply, times=100)

    won = make(far)

    assert proxy.statuses("PUT", MANIFEST)[:2] == [200, 412]
    assert far.manifest(DATASET, DAY) == won


def test_a_replacement_wins_when_the_reply_to_its_put_is_lost(far, proxy):
    old = make(far)
    far.request_rerun(DATASET, DAY)
    proxy.requests.clear()
    proxy.spoil("PUT", MANIFEST, lost_reply)

    won = make(far)

    assert proxy.statuses("PUT", MANIFEST) == [200, 412]
    assert far.manifest(DATASET, DAY) == won
    assert won.replaced == old.attempt


def test_the_loser_loses_when_the_reply_to_its_put_is_lost(far, proxy):
    first, second = begin(far), begin(far)
    commit(first, write(first))
    proxy.spoil("PUT", MANIFEST, lost_reply)

    with pytest.raises(CommitLost):
        commit(second, write(second))

    assert proxy.statuses("PUT", MANIFEST) == [200, 412, 412]
    assert far.manifest(DATASET, DAY).attempt == first.id


def test_a_put_that_never_arrives_is_to_be_tried_again(far, proxy):
    attempt = begin(far)
    files = write(attempt)
    proxy.spoil("PUT", MANIFEST, lost_request, times=100)

    with pytest.raises(SourceUnavailable, match=r"_manifest/insert_date=2010-12-01\.json at http://127"):
        commit(attempt, files)

    proxy.spoiled.clear()
    assert set(proxy.statuses("PUT", MANIFEST)) == {None}
    assert not is_complete(far)
    assert commit(attempt, files) == far.manifest(DATASET, DAY)


def test_a_replacement_that_never_arrives_leaves_its_request_open(far, proxy):
    old = make(far)
    far.request_rerun(DATASET, DAY)
    proxy.spoil("PUT", MANIFEST, lost_request, times=100)

    with pytest.raises(SourceUnavailable):
        make(far)

    assert not is_complete(far)
    assert far.state(DATASET, DAY).manifest == old


def test_a_conflict_of_two_puts_is_sent_again(far, proxy):
    proxy.spoil("PUT", MANIFEST, s3_error(409, "ConditionalRequestConflict"))

    won = make(far)

    assert proxy.statuses("PUT", MANIFEST) == [None, 200]
    assert far.manifest(DATASET, DAY) == won


def test_a_put_that_was_held_up_on_its_way_changes_nothing(far, proxy):
    proxy.spoil("PUT", MANIFEST, frozen := Frozen())
    slow = threading.Thread(target=commit_or_lose, args=[begin(far)])
    slow.start()
    assert frozen.reached.wait(10)
    won = make(far)

    frozen.woken.set()
    slow.join(10)

    assert proxy.statuses("PUT", MANIFEST) == [200, 412]
    assert far.manifest(DATASET, DAY) == won


def test_a_request_that_was_answered_and_not_deleted_counts_as_answered(far, proxy, caplog):
    make(far)
    name = far.request_rerun(DATASET, DAY)
    proxy.spoil("POST", "?delete", s3_error(403, "AccessDenied"))

    new = make(far)

    assert requests_left(far) == [f"stage/user_purchase/_rerun/insert_date=2010-12-01/{name}"]
    assert is_complete(far) and far.manifest(DATASET, DAY) == new
    assert "answered rerun requests stay" in caplog.text


def test_thousands_of_partitions_are_listed_once(far, proxy):
    days = [f"insert_date={2000 + n // 360}-{n // 30 % 12 + 1:02}-{n % 30 + 1:02}" for n in range(5000)]
    put_all(proxy.upstream, [f"/{far.store.bucket}/lake/{DATASET}/_manifest/{day}.json" for day in days])
    proxy.requests.clear()

    complete = far.complete_partitions(DATASET)

    assert {str(partition) for partition in complete} == set(days)
    # Pages of a thousand, and one listing of the requests.
    assert [request.method for request in proxy.requests] == ["GET"] * 6
    assert all("list-type=2" in request.path for request in proxy.requests)


def test_only_partitions_with_requests_are_read(far, proxy):
    for day in range(1, 9):
        make(far, Partition("insert_date", f"2010-12-{day:02}"))
    far.request_rerun(DATASET, DAY)
    proxy.requests.clear()

    assert len(far.complete_partitions(DATASET)) == 7

    assert len([request for request in proxy.requests if "list-type" not in request.path]) == 1


def test_what_was_asked_for_again_is_listed_once_whatever_there_is_of_it(far, proxy):
    days = [Partition("insert_date", f"2010-12-{day:02}") for day in range(1, 9)]
    for day in days:
        make(far, day)
        far.request_rerun(DATASET, day)
    make(far, days[0])
    proxy.requests.clear()

    assert far.complete_partitions(DATASET) == {days[0]}

    assert len([request for request in proxy.requests if "list-type" in request.path]) == 2


def test_a_reader_during_a_replacement_sees_the_old_or_the_new(far, proxy):
    make(far)
    far.request_rerun(DATASET, DAY)
    attempt = begin(far)
    files = write(attempt)
    # Between the two requests of the reader, all of the commit happens.
    proxy.spoil("GET", "", lambda send: (send(), commit(attempt, files))[0])

    state = far.state(DATASET, DAY)

    assert requests_left(far) == []
    assert state.is_complete
    assert state.manifest.attempt == attempt.id


def test_an_attempt_that_was_killed_leaves_nothing_to_see_and_is_made_again(lake):
    child = FORK.Process(target=lambda: write(begin(lake)) and os.kill(os.getpid(), signal.SIGKILL))
    child.start()
    child.join(30)

    assert child.exitcode == -signal.SIGKILL
    assert not is_complete(lake)
    assert make(lake) and is_complete(lake)
