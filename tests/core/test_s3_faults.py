"""S3 is slow, busy or cut off in the middle: what is asked of it is done whole, or refused in one line and in time."""

# ruff: noqa: F811 - fixtures

import time

import pytest
from fixtures_lake import proxied  # noqa: F401 - fixtures
from fixtures_s3 import proxy  # noqa: F401 - fixtures
from s3_proxy import (
    cut_after,
    in_pieces,
    lost_reply,
    lost_request,
    not_taken_in,
    s3_error,
    shortened_to,
    silent_after,
)

from pipeline.core.errors import SourceUnavailable
from pipeline.core.store import s3_connection

SLOW_DOWN = s3_error(503, "SlowDown")
# Of more than one part, and more than the sockets on the way hold.
LARGE = bytes(range(256)) * (3 * s3_connection.PART_BYTES // 256)


@pytest.fixture
def impatient(monkeypatch, proxied):
    """A store that waits for a fraction of what it does elsewhere."""
    monkeypatch.setattr(s3_connection, "SILENCE_SECONDS", 0.5)
    monkeypatch.setattr(s3_connection, "CALL_SECONDS", 3)
    return proxied


def given(store, path, data):
    with store.open(path, "wb") as file:
        file.write(data)


def upload(store, folder, data):
    (folder / "up").mkdir()
    (folder / "up/file").write_bytes(data)
    store.upload(folder / "up", "d")


def download(store, folder):
    store.download("d", folder / "down")
    return (folder / "down/file").read_bytes()


def read_file(store, path):
    with store.open(path, "rb") as file:
        return file.read()


OPERATIONS = {
    "read": lambda store, folder: store.read("d/file"),
    "create": lambda store, folder: store.create("d/new", b""),
    "list": lambda store, folder: list(store.list("d")),
    "delete": lambda store, folder: store.delete(["d/file"]),
    "uploads": lambda store, folder: list(store.uploads()),
    "upload": lambda store, folder: upload(store, folder, b"data"),
    "download": download,
    "file": lambda store, folder: read_file(store, "d/file"),
    "new file": lambda store, folder: given(store, "d/new", b"data"),
}


@pytest.mark.parametrize("operation", OPERATIONS)
def test_a_slow_down_is_waited_out(operation, proxy, proxied, tmp_path):
    given(proxied, "d/file", b"data")
    proxy.spoil("", "", SLOW_DOWN)

    OPERATIONS[operation](proxied, tmp_path)

    assert not any(spoiled.times for spoiled in proxy.spoiled)


def test_an_s3_that_is_busy_for_a_while_is_waited_for(proxy, proxied):
    proxy.spoil("PUT", "/lake/a", SLOW_DOWN, times=4)

    assert proxied.create("a", b"data")

    assert proxy.statuses("PUT", "/lake/a") == [None, None, None, None, 200]


def test_an_s3_that_stays_busy_is_one_line_after_a_while(proxy, proxied):
    proxy.spoil("", "", SLOW_DOWN, times=100)
    began = time.monotonic()

    with pytest.raises(SourceUnavailable, match=r"^s3://\S+/lake/a at http://\S+: .*SlowDown.*look at \[lake\] root"):
        proxied.read("a")

    assert time.monotonic() - began < 20
    assert len(proxy.requests) == 6


@pytest.mark.parametrize("fault", [cut_after(2), shortened_to(2), silent_after(2)], ids=["cut", "shortened", "silent"])
def test_what_breaks_off_in_the_middle_is_read_again(fault, proxy, impatient):
    given(impatient, "a", b"data")
    proxy.spoil("GET", "/lake/a", fault)

    assert impatient.read("a").data == b"data"

    assert proxy.statuses("GET", "/lake/a") == [200, 200]


@pytest.mark.parametrize("fault", [cut_after(2), shortened_to(2), silent_after(2)], ids=["cut", "shortened", "silent"])
def test_what_always_breaks_off_is_never_taken_for_the_whole(fault, proxy, impatient):
    given(impatient, "a", b"data")
    proxy.spoil("GET", "/lake/a", fault, times=100)
    began = time.monotonic()

    with pytest.raises(SourceUnavailable, match=r"^s3://\S+/lake/a at http"):
        impatient.read("a")

    assert time.monotonic() - began < 8


@pytest.mark.parametrize("data", [b"data", LARGE], ids=["small", "in parts"])
@pytest.mark.parametrize("fault", [cut_after(2), silent_after(2)], ids=["cut", "silent"])
def test_a_download_that_breaks_off_goes_on(fault, data, proxy, impatient, tmp_path):
    given(impatient, "d/file", data)
    proxy.spoil("GET", "/lake/d/file", fault)

    assert download(impatient, tmp_path) == data


def test_a_download_that_is_shorter_than_the_listing_says_is_refused(proxy, proxied, tmp_path):
    given(proxied, "d/file", b"data")
    proxy.spoil("GET", "/lake/d/file", lambda send: shorter_object(send()))

    with pytest.raises(SourceUnavailable, match=r"s3://\S+/lake/d/file has 4 bytes, of which 2 came"):
        download(proxied, tmp_path)


def shorter_object(reply):
    """An object as S3 itself would give a shorter one, with the checksum of that."""
    headers = [(name, value) for name, value in reply.headers if "checksum" not in name.lower()]
    return reply._replace(headers=headers, body=reply.body[:2])


def test_a_file_that_breaks_off_is_read_on(proxy, impatient):
    given(impatient, "a", LARGE)
    proxy.spoil("GET", "/lake/a", cut_after(1000))

    assert read_file(impatient, "a") == LARGE


def test_a_file_that_is_replaced_while_it_is_read_is_not_two_halves(proxied):
    given(proxied, "a", LARGE)

    with proxied.open("a", "rb") as file:
        file.read(10)
        given(proxied, "a", LARGE[::-1])
        with pytest.raises(SourceUnavailable, match=r"s3://\S+/lake/a was replaced while it was read"):
            file.read()


@pytest.mark.parametrize("fault", [lost_request, lost_reply], ids=["cut while it is sent", "reply lost"])
@pytest.mark.parametrize("method", ["POST", "PUT"])
def test_an_upload_that_breaks_off_is_sent_again(method, fault, proxy, proxied, tmp_path):
    proxy.spoil(method, "/lake/d/file", fault)

    upload(proxied, tmp_path, LARGE)

    assert download(proxied, tmp_path) == LARGE


@pytest.mark.parametrize("fault", [lost_request, lost_reply], ids=["cut while it is sent", "reply lost"])
@pytest.mark.parametrize("method", ["POST", "PUT"])
def test_a_file_whose_sending_breaks_off_is_whole(method, fault, proxy, proxied):
    proxy.spoil(method, "/lake/a", fault)

    given(proxied, "a", LARGE)

    assert read_file(proxied, "a") == LARGE


def test_a_file_whose_sending_always_breaks_off_is_nowhere(proxy, proxied):
    proxy.spoil("PUT", "/lake/a", lost_request, times=100)

    with pytest.raises(SourceUnavailable, match=r"/lake/a at http"):
        given(proxied, "a", LARGE)

    assert list(proxied.list("")) == []
    assert list(proxied.uploads()) == []


def test_a_file_that_cannot_be_completed_leaves_no_parts(proxy, proxied):
    proxy.spoil("POST", "uploadId", s3_error(403, "AccessDenied"))

    with pytest.raises(SourceUnavailable, match=r"/lake/a at http.*AccessDenied"):
        given(proxied, "a", LARGE)

    assert list(proxied.uploads()) == []


def test_an_s3_that_stops_taking_in_is_not_waited_for_for_ever(proxy, impatient):
    proxy.spoil("PUT", "/lake/a", not_taken_in, times=100)
    began = time.monotonic()

    with pytest.raises(SourceUnavailable, match=r"/lake/a at http.*no answer to put_object within 3 seconds"):
        impatient.create("a", LARGE)

    assert time.monotonic() - began < 8


def test_slow_bytes_are_waited_for_as_long_as_they_come(proxy, impatient):
    given(impatient, "a", b"data" * 100)
    proxy.spoil("GET", "/lake/a", in_pieces(8, pause_seconds=0.2))

    assert impatient.read("a").data == b"data" * 100

    assert proxy.statuses("GET", "/lake/a") == [200]
