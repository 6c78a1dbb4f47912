"""What a store in S3 promises beside what every store does."""

# ruff: noqa: F811 - fixtures

import gc
import os
import re
from pathlib import Path

import pytest
from fixtures_lake import in_pages_of, in_processes, proxied, put  # noqa: F401 - fixtures
from fixtures_s3 import proxy  # noqa: F401 - fixtures
from fsspec.asyn import sync
from s3_proxy import Reply, lost_reply, lost_request, s3_error

from pipeline.core.errors import SourceUnavailable
from pipeline.core.store.requests import requests_of
from pipeline.core.store.s3 import S3Store


def not_deleted(code, *keys):
    errors = "".join(f"<Error><Key>lake/{key}</Key><Code>{code}</Code></Error>" for key in keys)
    return lambda send: Reply(200, [], f"<DeleteResult>{errors}</DeleteResult>".encode())


def test_an_s3_delete_names_each_key_that_stays(proxy, proxied):
    proxy.spoil("POST", "?delete", not_deleted("AccessDenied", "a", "c"))

    with pytest.raises(SourceUnavailable, match=r"lake/a \(AccessDenied\), s3://\S+/lake/c \(AccessDenied\)"):
        proxied.delete("abc")


@pytest.fixture
def no_waits(monkeypatch):
    monkeypatch.setattr("pipeline.core.store.s3_deletes.BUSY_WAIT_SECONDS", (0, 0))


@pytest.mark.parametrize("code", ["SlowDown", "InternalError", "ServiceUnavailable"])
def test_keys_that_s3_was_too_busy_to_delete_are_sent_again(proxy, proxied, no_waits, code):
    put(proxied, "a", "b")
    proxy.spoil("POST", "?delete", not_deleted(code, "a", "b"), times=2)

    proxied.delete("ab")

    assert proxy.statuses("POST", "?delete") == [None, None, 200]
    assert list(proxied.list("")) == []


def test_of_many_keys_that_stay_the_first_and_the_number_are_named(proxy, proxied, no_waits):
    proxy.spoil("POST", "?delete", not_deleted("SlowDown", *"abcdefg"), times=3)

    with pytest.raises(
        SourceUnavailable, match=r"^7 could not be deleted, the first 5: s3://\S+/lake/a \(SlowDown\), "
    ):
        proxied.delete("abcdefg")

    assert len(proxy.statuses("POST", "?delete")) == 3


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
        with pytest.raises(
            SourceUnavailable,
            match=r"^s3://no-such-bucket/lake/a at \S+: the bucket no-such-bucket does not exist\. Look at \[lake\] ro",
        ):
            ask("a")


def test_an_endpoint_that_is_down_is_one_line_that_names_it():
    store = S3Store("s3://bucket/lake", "http://127.0.0.1:9")

    with pytest.raises(
        SourceUnavailable,
        match=r"^S3 at http://127.0.0.1:9 cannot be reached\. Is it up, and is \[lake\] endpoint_url right\?$",
    ):
        store.read("a")


def test_an_endpoint_that_is_down_is_asked_as_often_as_one_that_is_busy(tmp_path, monkeypatch):
    monkeypatch.setenv("LAKESHIFT_RUN", str(tmp_path))
    store = S3Store("s3://bucket/lake", "http://127.0.0.1:9")

    with pytest.raises(SourceUnavailable, match="cannot be reached"):
        store.create("a", b"data")

    assert requests_of(tmp_path) == {"PutObject": 6}


@pytest.mark.parametrize("code", ["AccessDenied", "InvalidAccessKeyId", "ExpiredToken"])
def test_a_key_that_is_refused_is_one_line_about_the_credentials(code, proxy, proxied):
    proxy.spoil("GET", "/lake/a", s3_error(403, code))

    with pytest.raises(SourceUnavailable, match=rf"^s3://\S+/lake/a at http://\S+: {code}: \w+\. Look at the AWS cred"):
        proxied.read("a")


def test_a_lost_connection_is_told_without_the_words_of_python(proxy, proxied):
    proxy.spoil("GET", "/lake/a", lost_request, times=100)

    with pytest.raises(
        SourceUnavailable, match=r"^s3://\S+/lake/a at http://[\w.:]+: the connection was lost\. Run it"
    ):
        proxied.read("a")


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
