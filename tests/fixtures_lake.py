# ruff: noqa: F811 - fixtures
"""A lake for tests, in a local folder and on two servers of S3, with one small dataset."""

import multiprocessing
import os
import uuid
from contextlib import contextmanager

import pytest
from fixtures_s3 import REGION, new_bucket, proxy  # noqa: F401 - fixtures
from fixtures_seaweedfs import BUCKET

from pipeline.core.errors import CommitLost
from pipeline.core.lake import Attempt, Counts, Dataset, File, Input, Lake, Manifest, Partition
from pipeline.core.store.local import LocalStore
from pipeline.core.store.s3 import S3Store

FORK = multiprocessing.get_context("fork")
DATASET = Dataset("stage", "user_purchase")
DAY = Partition("insert_date", "2010-12-01")
NEXT_DAY = Partition("insert_date", "2010-12-02")


# A prefix in a real bucket, for whoever has one: the tests below then run there as well.
REAL = os.environ.get("LAKESHIFT_TEST_ROOT", "")


@pytest.fixture(params=["folder", "s3", "seaweedfs", *(["real"] if REAL else [])])
def store(request, tmp_path):
    if request.param == "folder":
        return LocalStore(str(tmp_path / "lake"))
    if request.param == "real":
        return S3Store(f"{REAL}/{uuid.uuid4().hex}")
    if request.param == "seaweedfs":
        return S3Store(f"{BUCKET}/{uuid.uuid4().hex}", request.getfixturevalue("seaweedfs"), REGION)
    endpoint = request.getfixturevalue("ministack")
    return S3Store(f"{new_bucket(endpoint)}/some/prefix", endpoint, REGION)


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


@pytest.fixture
def proxied(proxy):
    """A store on S3 that reaches it through the proxy."""
    return S3Store(f"{new_bucket(proxy.upstream)}/lake", proxy.endpoint, REGION)


@pytest.fixture
def lake(store):
    return Lake(store)


def begin(lake: Lake, partition: Partition = DAY) -> Attempt:
    return lake.begin(DATASET, partition, "UserPurchase_2010_12_01")


def write(attempt: Attempt, text: str = "rows\n") -> list[File]:
    """Return the one file that was written, with a row a line."""
    with attempt.open("part-0000.csv") as file:
        file.write(text.encode())
    return [File("part-0000.csv", len(text.encode()), text.count("\n"))]


def commit(attempt: Attempt, files: list[File]) -> Manifest:
    rows = sum(file.rows for file in files)
    source = Input("retail.user_purchase", str(attempt.partition), fingerprint={"rows": rows})
    return attempt.commit(files, Counts(rows, rows, 0), {"invoiceno": "string"}, [source], "0.1.0")


def make(lake: Lake, partition: Partition = DAY) -> Manifest:
    """Return the manifest of a partition that was made from beginning to end."""
    attempt = begin(lake, partition)
    return commit(attempt, write(attempt))


def is_complete(lake, partition=DAY):
    """Say whether a partition is complete, after asking in both ways."""
    one, all_of_them = lake.state(DATASET, partition).is_complete, lake.complete_partitions(DATASET)
    assert one == (partition in all_of_them)
    return one


def requests_left(lake):
    return [listed.path for listed in lake.store.list(f"{DATASET}/_rerun")]


def commit_or_lose(attempt):
    try:
        return commit(attempt, write(attempt)).attempt
    except CommitLost:
        return None


def in_processes(work, count: int) -> list:
    """Return what `work(number)` returned in each of some processes that ran at once."""
    results = FORK.Queue()
    children = [FORK.Process(target=lambda n=n: results.put(work(n))) for n in range(count)]
    for child in children:
        child.start()
    found = [results.get(timeout=60) for _ in children]
    for child in children:
        child.join()
    return found
