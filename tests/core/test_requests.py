"""The requests of a run to S3 are counted, whichever process sends them and however it ends."""

# ruff: noqa: F811 - fixtures

import os
import signal
from collections import Counter

import pytest
from fixtures_lake import FORK, in_processes, proxied, proxy  # noqa: F401 - fixtures
from s3_proxy import s3_error

from pipeline.core.runtime import RUN_FOLDER
from pipeline.core.store.requests import requests_of


@pytest.fixture
def run(tmp_path, monkeypatch):
    """The folder of a run that this process is part of."""
    monkeypatch.setenv(RUN_FOLDER, str(tmp_path))
    return tmp_path


def test_every_request_is_counted_by_its_operation(proxied, proxy, run):
    proxied.create("a", b"1")
    proxied.read("a")
    list(proxied.list(""))

    assert requests_of(run) == {"PutObject": 1, "GetObject": 1, "ListObjectsV2": 1}


def test_a_request_that_was_sent_again_counts_again(proxied, proxy, run):
    proxied.create("a", b"1")
    proxy.spoil("GET", "/a", s3_error(503, "SlowDown"))

    proxied.read("a")

    assert requests_of(run)["GetObject"] == 2


def test_the_requests_of_forked_processes_are_added_and_none_counts_twice(proxied, proxy, run):
    proxied.create("a", b"1")

    in_processes(lambda number: proxied.read("a").data, 4)

    assert requests_of(run) == {"PutObject": 1, "GetObject": 4}
    assert len(proxy.requests) == 5


def test_the_requests_of_a_killed_process_are_counted(proxied, run):
    child = FORK.Process(target=lambda: [proxied.create("a", b"1"), os.kill(os.getpid(), signal.SIGKILL)])
    child.start()
    child.join(30)

    assert requests_of(run) == {"PutObject": 1}


def test_a_run_that_asked_nothing_of_s3_has_no_requests(tmp_path):
    assert requests_of(tmp_path) == Counter()


@pytest.mark.parametrize("folder", ["", "/nowhere/at/all"])
def test_what_cannot_be_counted_is_sent_all_the_same(proxied, monkeypatch, tmp_path, folder):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(RUN_FOLDER, folder)

    assert proxied.create("a", b"1")
    assert list(tmp_path.iterdir()) == []
