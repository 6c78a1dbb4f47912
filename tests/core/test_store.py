"""Every store keeps the same promises: a local folder, and S3 as MiniStack and SeaweedFS play it."""

# ruff: noqa: F811 - fixtures

import gc
import os
import signal
import subprocess
import sys
from datetime import datetime, timedelta, timezone

import pytest
from fixtures_lake import FORK, in_pages_of, in_processes, put, store  # noqa: F401 - fixtures

from pipeline.core.errors import SourceUnavailable
from pipeline.core.store.local import LocalStore
from pipeline.core.store.s3 import S3Store


def test_what_was_created_is_read_back(store):
    assert store.read("a/b.json") is None

    assert store.create("a/b.json", b"first")

    assert store.read("a/b.json").data == b"first"


def test_nothing_is_created_over_what_is_there(store):
    put(store, "a/b.json")

    assert not store.create("a/b.json", b"second")

    assert store.read("a/b.json").data == b"a/b.json"


def test_of_many_processes_that_create_one_path_one_does(store):
    # SeaweedFS takes a second for each.
    barrier, rounds = FORK.Barrier(4), range(50 if isinstance(store, LocalStore) else 6)

    def create(number):
        return [barrier.wait() >= 0 and store.create(f"d/{turn}", str(number).encode()) for turn in rounds]

    created = in_processes(lambda number: (number, create(number)), 4)

    for turn in rounds:
        winners = [str(number).encode() for number, won in created if won[turn]]
        assert winners == [store.read(f"d/{turn}").data]


def test_a_checksum_tells_the_bytes_of_a_file_from_others_of_their_size(store):
    for path, data in (("a", b"same"), ("b", b"same"), ("c", b"else")):
        store.create(path, data)

    a, b, c = map(store.checksum, store.list(""))

    assert a == b != c
    assert a.partition(":")[0] == ("crc32" if isinstance(store, LocalStore) else "etag")


def test_a_version_that_was_seen_is_replaced(store):
    put(store, "a")

    assert store.replace("a", b"second", store.read("a").version)

    assert store.read("a").data == b"second"


def test_a_version_that_is_gone_is_not_replaced(store):
    put(store, "a")
    seen = store.read("a")
    store.replace("a", b"second", seen.version)

    assert not store.replace("a", b"third", seen.version)

    assert store.read("a").data == b"second"


def test_what_was_deleted_is_not_replaced(store):
    put(store, "a")
    seen = store.read("a")
    store.delete(["a"])

    assert not store.replace("a", b"second", seen.version)

    assert store.read("a") is None


def test_no_replacement_is_lost_between_processes(store):
    store.create("count", b"0")

    def add(_):
        for _ in range(10):
            found = store.read("count")
            while not store.replace("count", b"%d" % (int(found.data) + 1), found.version):
                found = store.read("count")

    in_processes(add, 4)

    assert store.read("count").data == b"40"


def test_a_listing_is_deep_and_what_shares_a_folder_comes_together(store):
    put(store, "d/b/1", "d/a.x", "d/a/2", "d/a-", "d/a/10", "d/é", "e/1", "d2/1")

    listed = list(store.list("d"))

    paths = ["d/a-", "d/a.x", "d/a/10", "d/a/2", "d/b/1", "d/é"]
    assert sorted((one.path, one.bytes) for one in listed) == [(path, len(path.encode())) for path in paths]
    assert "d/a/10 d/a/2" in " ".join(one.path for one in listed)


def test_a_listing_of_many_pages_has_every_path_once(store):
    paths = {f"d/{folder}{n}" for n in range(40) for folder in ("", "a-", "a/", "a/b/", "a.")}
    put(store, *paths)

    with in_pages_of(7, store, "ListObjectsV2", "MaxKeys"):
        listed = [one.path for one in store.list("d")]

    assert sorted(listed) == sorted(paths)


def test_the_whole_root_and_a_folder_that_is_not_there_are_listed(store):
    put(store, "a", "b/c")

    assert [listed.path for listed in store.list("")] == ["a", "b/c"]
    assert list(store.list("nothing/here")) == []


def test_a_listing_says_when_a_path_was_written(store):
    before = datetime.now(timezone.utc) - timedelta(seconds=2)

    put(store, "d/a")

    [listed] = store.list("d")
    assert before < listed.modified < datetime.now(timezone.utc) + timedelta(seconds=2)


def test_what_is_being_written_is_not_listed(store):
    put(store, "d/a")
    store.replace("d/a", b"again", store.read("d/a").version)

    with store.open("d/b", "wb") as file:
        file.write(b"half")
        during = [listed.path for listed in store.list("d")]

    assert during == ["d/a"]
    assert [listed.path for listed in store.list("d")] == ["d/a", "d/b"]


def test_a_marker_without_a_name_is_listed_though_what_else_begins_with_a_dot_is_not(store):
    for path in ("a/.SUCCESS", "a/.lock", "a/.b.SUCCESS"):
        store.create(path, b"")

    assert [listed.path for listed in store.list("a")] == ["a/.SUCCESS"]


def test_deleting_leaves_the_others_and_forgives_what_is_not_there(store):
    put(store, "a", "b", "c")

    store.delete(["a", "c", "never"])

    assert [listed.path for listed in store.list("")] == ["b"]


def test_folders_are_cleared_of_what_is_hidden_too(store):
    put(store, "d/a/.part.crc", "d/a/part", "d/a/deep/.tmp/x", "d/ab/part", "e/part")

    store.clear(["d/a", "e", "never"])

    assert [listed.path for listed in store.list("")] == ["d/ab/part"]
    store.clear(["d/a"])
    assert store.read("d/a/.part.crc") is None


def test_a_folder_of_many_pages_is_cleared_whole_while_it_is_listed(store, monkeypatch):
    monkeypatch.setattr("pipeline.core.store.s3_deletes.AT_ONCE", 5)
    put(store, *(f"d/{folder}/{n}" for n in range(8) for folder in ("a", "a-", "a/b", "c")), "e/1")

    with in_pages_of(7, store, "ListObjectsV2", "MaxKeys"):
        store.clear(["d"])

    assert [listed.path for listed in store.list("")] == ["e/1"]


def test_a_file_is_there_when_it_is_closed(store):
    with store.open("d/file.csv", "wb") as file:
        file.write(b"one\n")
        file.write(b"two\n")

    with store.open("d/file.csv", "rb") as file:
        assert file.read() == b"one\ntwo\n"


@pytest.mark.filterwarnings("error::pytest.PytestUnraisableExceptionWarning")
def test_a_file_whose_block_ended_with_an_error_is_nowhere(store):
    with pytest.raises(ZeroDivisionError), store.open("d/file.csv", "wb") as file:
        file.write(b"half")
        raise ZeroDivisionError

    assert list(store.list("")) == []


def test_what_another_program_wrote_is_there_when_the_block_has_ended(store, tmp_path):
    with store.written("d/it's a file.csv", tmp_path) as place:
        subprocess.run(["tee", place], input=b"one\n", stdout=subprocess.DEVNULL, check=True)
        before = list(store.list(""))

    assert (before, [listed.path for listed in store.list("")]) == ([], ["d/it's a file.csv"])
    assert store.read("d/it's a file.csv").data == b"one\n"


def test_what_another_program_wrote_is_nowhere_after_an_error(store, tmp_path):
    with pytest.raises(ZeroDivisionError), store.written("d/file.csv", tmp_path) as place:
        place.write_bytes(b"half")
        raise ZeroDivisionError

    assert (list(store.list("")), list(store.uploads())) == ([], [])


def test_a_file_that_was_forgotten_is_nowhere(store):
    file = store.open("d/file.csv", "wb")
    file.write(b"half")

    del file

    assert list(store.list("")) == []


@pytest.mark.parametrize(
    ("kind", "root", "path"),
    [(LocalStore, "{}/file", "a"), (S3Store, "s3://bucket", "")],
    ids=["a file is no folder", "a bucket is no key"],
)
def test_a_file_that_could_not_be_begun_is_forgotten_without_a_word(kind, root, path, tmp_path, monkeypatch):
    said = []
    monkeypatch.setattr(sys, "unraisablehook", said.append)
    (tmp_path / "file").touch()

    with pytest.raises((SourceUnavailable, ValueError)):
        kind(root.format(tmp_path)).open(path, "wb")
    gc.collect()

    assert said == []


def begin_large_file_and_die(store, path):
    """Leave what a process leaves that is killed while it writes a file of more than one part."""

    def work():
        with store.open(path, "wb") as file:
            file.write(bytes(60 << 20))
            file.flush()
            os.kill(os.getpid(), signal.SIGKILL)

    child = FORK.Process(target=work)
    child.start()
    child.join(60)
    assert child.exitcode == -signal.SIGKILL


def test_what_a_killed_process_was_writing_is_found_and_aborted(store):
    begin_large_file_and_die(store, "d/big")
    put(store, "d/a", "d/.lock")

    [left] = store.uploads()
    store.abort([left, left])

    assert left.path == "d/big"
    assert abs(datetime.now(timezone.utc) - left.started) < timedelta(minutes=1)
    assert list(store.uploads()) == []
    assert [listed.path for listed in store.list("")] == ["d/a"]


def test_a_folder_goes_up_and_comes_down_without_what_is_hidden(store, tmp_path):
    for name in ("one", "sub/two", ".one.crc"):
        (tmp_path / "up" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "up" / name).write_text(name)

    store.upload(tmp_path / "up", "d/e")
    store.download("d/e", tmp_path / "down")

    assert [listed.path for listed in store.list("d")] == ["d/e/one", "d/e/sub/two"]
    assert (tmp_path / "down/sub/two").read_text() == "sub/two"
