"""Every store keeps the same promises: a local folder, and S3 as MiniStack and SeaweedFS play it."""

# ruff: noqa: F811 - fixtures

import gc
import os
import re
import resource
import signal
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from fixtures_lake import FORK, in_processes, proxied, store  # noqa: F401 - fixtures
from fixtures_s3 import proxy  # noqa: F401 - fixtures
from fsspec.asyn import sync
from s3_proxy import Reply, lost_reply, s3_error

from pipeline.core.errors import SourceUnavailable
from pipeline.core.store.local import LocalStore
from pipeline.core.store.s3 import S3Store


def put(store, *paths):
    for path in paths:
        assert store.create(path, path.encode())


@contextmanager
def in_pages_of(count, store, operation, parameter):
    """Have a store on S3 ask for pages of a few, as it would get pages of a thousand."""
    if isinstance(store, LocalStore):
        yield
        return

    def limit(params, **_):
        params[parameter] = count

    events = store.fs.s3.meta.events
    events.register(f"before-parameter-build.s3.{operation}", limit)
    yield
    events.unregister(f"before-parameter-build.s3.{operation}", limit)


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
    monkeypatch.setattr("pipeline.core.store.s3.DELETE_AT_ONCE", 5)
    put(store, *(f"d/{folder}/{n}" for n in range(8) for folder in ("a", "a-", "a/b", "c")), "e/1")

    with in_pages_of(7, store, "ListObjectsV2", "MaxKeys"):
        store.clear(["d"])

    assert [listed.path for listed in store.list("")] == ["e/1"]


def test_a_local_folder_whose_clearing_was_ended_in_the_middle_is_still_listed(tmp_path, monkeypatch):
    store = LocalStore(str(tmp_path))
    put(store, "d/a/.part.crc", "d/a/part", "d/a/z/.part.crc")
    unlink = Path.unlink
    monkeypatch.setattr(Path, "unlink", lambda path, **_: [unlink(path), path.name == "part" and 1 / 0])

    with pytest.raises(ZeroDivisionError):
        store.clear(["d/a"])

    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == []


def test_a_local_delete_names_each_path_that_stays(tmp_path):
    store = LocalStore(str(tmp_path))
    put(store, "a", "folder/x", "b", "other/x")

    with pytest.raises(SourceUnavailable, match=rf"{tmp_path}/folder \(.*{tmp_path}/other \("):
        store.delete(["a", "folder", "b", "other"])

    assert [listed.path for listed in store.list("")] == ["folder/x", "other/x"]


def test_an_s3_delete_names_each_key_that_stays(proxy, proxied):
    errors = "".join(f"<Error><Key>lake/{key}</Key><Code>AccessDenied</Code></Error>" for key in "ac")
    reply = Reply(200, [], f"<DeleteResult>{errors}</DeleteResult>".encode())
    proxy.spoil("POST", "?delete", lambda send: reply)

    with pytest.raises(SourceUnavailable, match=r"lake/a \(AccessDenied\), s3://\S+/lake/c \(AccessDenied\)"):
        proxied.delete("abc")


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


def test_a_file_that_was_forgotten_is_nowhere(store):
    file = store.open("d/file.csv", "wb")
    file.write(b"half")

    del file

    assert list(store.list("")) == []


def test_a_large_file_on_s3_is_sent_in_parts_or_not_at_all(proxied):
    part = bytes(30 << 20)

    with proxied.open("kept", "wb") as file:
        file.write(part)
        file.write(part)
    with pytest.raises(ZeroDivisionError), proxied.open("dropped", "wb") as file:
        file.write(part)
        file.write(part)
        raise ZeroDivisionError

    assert [(one.path, one.bytes) for one in proxied.list("")] == [("kept", 60 << 20)]


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


def test_uploads_are_found_page_by_page_and_below_the_root_alone(proxied):
    for key in ("lake/a", "lake/a", "lake/b", "other/c"):
        proxied.fs.call_s3("create_multipart_upload", Bucket=proxied.bucket, Key=key)

    with in_pages_of(1, proxied, "ListMultipartUploads", "MaxUploads"):
        found = list(proxied.uploads())

    assert [upload.path for upload in found] == ["a", "a", "b"]
    assert len({upload.id for upload in found}) == 3


def test_an_upload_that_cannot_be_aborted_is_named(proxy, proxied):
    reply = proxied.fs.call_s3("create_multipart_upload", Bucket=proxied.bucket, Key="lake/a")
    proxy.spoil("DELETE", "uploadId", s3_error(403, "AccessDenied"))

    with pytest.raises(SourceUnavailable, match=r"could not be aborted: s3://\S+/lake/a \(.*AccessDenied"):
        proxied.abort(proxied.uploads())

    assert [upload.id for upload in proxied.uploads()] == [reply["UploadId"]]


@contextmanager
def files_of_at_most(size):
    """What a full disk is to a program: a write fails in the middle of a file."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def write_pieces(store, count):
    with store.open("d/big", "wb") as file:
        for _ in range(count):
            file.write(bytes(1 << 16))


@pytest.mark.parametrize("pieces", [8, 800], ids=["fails when closed", "fails while written"])
def test_a_full_disk_is_one_line_and_leaves_nothing(tmp_path, pieces):
    store = LocalStore(str(tmp_path))

    with files_of_at_most(3 << 16), pytest.raises(SourceUnavailable, match="d/big could not be written: File too"):
        write_pieces(store, pieces)

    assert list((tmp_path / "d").iterdir()) == []


def test_a_folder_goes_up_and_comes_down_without_what_is_hidden(store, tmp_path):
    for name in ("one", "sub/two", ".one.crc"):
        (tmp_path / "up" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "up" / name).write_text(name)

    store.upload(tmp_path / "up", "d/e")
    store.download("d/e", tmp_path / "down")

    assert [listed.path for listed in store.list("d")] == ["d/e/one", "d/e/sub/two"]
    assert (tmp_path / "down/sub/two").read_text() == "sub/two"


def test_a_put_that_met_another_is_sent_again(proxy, proxied):
    proxy.spoil("PUT", "/lake/a", s3_error(409, "ConditionalRequestConflict"), times=2)

    assert proxied.create("a", b"data")

    assert proxy.statuses("PUT", "/lake/a") == [None, None, 200]


def test_a_put_whose_reply_is_lost_has_arrived_whatever_it_says(proxy, proxied):
    proxy.spoil("PUT", "/lake/a", lost_reply)

    assert not proxied.create("a", b"data")

    assert proxy.statuses("PUT", "/lake/a") == [200, 412]
    assert proxied.read("a").data == b"data"


def test_a_bucket_that_is_not_there_is_told_from_a_key_that_is_not(ministack):
    store = S3Store("s3://no-such-bucket/lake", ministack)

    for ask in (store.read, lambda path: list(store.list(path)), lambda path: store.create(path, b"")):
        with pytest.raises(SourceUnavailable, match=r"s3://no-such-bucket/lake/a .*bucket does not exist"):
            ask("a")


def test_an_endpoint_that_is_down_is_one_line_that_names_it():
    store = S3Store("s3://bucket/lake", "http://127.0.0.1:9")

    with pytest.raises(SourceUnavailable, match=r"^s3://bucket/lake/a at http://127.0.0.1:9: .*\[lake\] root and"):
        store.read("a")


def test_a_fork_leaves_the_connections_of_its_parent_alone(proxy, proxied):
    put(proxied, "a")
    watched = watched_sockets()

    read = [in_processes(lambda _: read_after_collection(proxied, "a"), 1) for _ in range(2)]

    # A parent whose socket is no longer watched waits for its next reply until it times out.
    assert watched
    assert {socket for socket in watched if is_open(socket)} <= watched_sockets()
    assert proxied.read("a").data == b"a"
    assert read == [[b"a"], [b"a"]]
    assert proxy.statuses("GET", "/lake/a") == [200, 200, 200]


def read_after_collection(store, path):
    """Read when what this process has let go of is collected, in the one thread where that closes connections."""

    async def collect():
        gc.collect()

    sync(store.fs.loop, collect)
    return store.read(path).data


def watched_sockets():
    """Return the sockets that the epolls of this process watch, each by its descriptor and what that is of."""
    epolls = [path for path in Path("/proc/self/fd").iterdir() if "eventpoll" in os.path.realpath(path)]
    infos = [Path(f"/proc/self/fdinfo/{path.name}").read_text() for path in epolls]
    return {(fd, os.path.realpath(f"/proc/self/fd/{fd}")) for info in infos for fd in re.findall(r"tfd: *(\d+)", info)}


def is_open(socket):
    fd, opened = socket
    return os.path.realpath(f"/proc/self/fd/{fd}") == opened
