"""The embedded warehouse reads a lake that lies in S3."""

# ruff: noqa: F811 - fixtures

import pytest
from fixtures_s3 import REGION, new_bucket, proxy  # noqa: F401 - fixtures
from fixtures_warehouse import DAY, REVIEWS, given_reviews

from pipeline.core.errors import SourceUnavailable
from pipeline.core.lake import Partition
from pipeline.core.store import open_store

COUNT = f"SELECT count(*), sum(CASE WHEN positive_review THEN 1 ELSE 0 END) FROM {REVIEWS} WHERE insert_date = %(day)s"


@pytest.fixture
def bucket(warehouse, settings, ministack):
    bucket = new_bucket(ministack)
    settings("lake", "endpoint_url", ministack)
    settings("lake", "region", REGION)
    return bucket


def given_reviews_in(bucket, warehouse):
    given_reviews(warehouse, customer=1, positive=[True, False])
    given_reviews(warehouse, customer=2, positive=[True])
    folder = warehouse.path.parent / REVIEWS / str(DAY)
    (folder / "_SUCCESS").touch()
    open_store(bucket).upload(folder, "stage/review")


def test_a_partition_in_s3_is_read(warehouse, bucket):
    given_reviews_in(bucket, warehouse)

    warehouse.set_external_partitions(REVIEWS, {Partition.of_date(DAY): f"{bucket}/stage/review/"})

    with warehouse.transaction() as cursor:
        for _ in range(2):
            cursor.execute(COUNT, {"day": DAY})
            assert cursor.fetchall() == [(3, 2)]


def test_what_a_file_is_like_is_asked_of_s3_once_in_a_transaction(warehouse, bucket, proxy, settings):
    given_reviews_in(bucket, warehouse)
    warehouse.set_external_partitions(REVIEWS, {Partition.of_date(DAY): f"{bucket}/stage/review/"})
    settings("lake", "endpoint_url", proxy.endpoint)

    with warehouse.transaction() as cursor:
        for _ in range(2):
            cursor.execute(COUNT, {"day": DAY})

    files = [request.path for request in proxy.requests if request.method == "HEAD"]
    assert len(files) == len(set(files)) == 2


def test_a_place_in_s3_that_holds_nothing_is_named(warehouse, bucket):
    warehouse.set_external_partitions(REVIEWS, {Partition.of_date(DAY): f"{bucket}/stage/gone/"})

    with pytest.raises(SourceUnavailable, match=f"{bucket}/stage/gone/ is in the external catalogue"):
        warehouse.query(COUNT, {"day": DAY})


def test_an_s3_that_does_not_answer_is_unavailable(warehouse, bucket, settings):
    given_reviews_in(bucket, warehouse)
    warehouse.set_external_partitions(REVIEWS, {Partition.of_date(DAY): f"{bucket}/stage/review/"})
    settings("lake", "endpoint_url", "http://127.0.0.1:9")

    with pytest.raises(SourceUnavailable, match=r"127\.0\.0\.1:9"):
        warehouse.query(COUNT, {"day": DAY})
