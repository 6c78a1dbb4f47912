"""With the lake in S3 and the warehouse in Redshift, damage is found by listings and queries alone."""

from __future__ import annotations

import json
from collections import Counter

import pytest
from fixtures_audit import DAY, NEXT_DAY, make_day_of_metric, of
from fixtures_s3 import REGION, new_bucket
from sample import given_a_day

from pipeline.core.audit import audit
from pipeline.core.lake import lake
from pipeline.core.warehouse import warehouse
from pipeline.user_behaviour import ClassifiedMovieReview, MovieReview, UserBehaviourMetric, UserPurchase


@pytest.fixture
def far(project, ministack, redshift):
    """A project with a day that was made, in S3 and Redshift; its settings are in force."""
    project.set("lake", root=f"{new_bucket(ministack)}/lake", endpoint_url=ministack, region=REGION)
    project.set("warehouse", url=redshift.url)
    project.given_tables()
    given_a_day(project)
    with project.in_force():
        make_day_of_metric(DAY)
        yield project


def found(**options):
    return [(one.kind.value, one.what) for one in audit([UserBehaviourMetric], **options).findings]


def folder_of(task, day=DAY):
    return f"{task.dataset}/{lake().manifest(task.dataset, of(day)).attempt}/{of(day)}"


def put(path, data):
    with lake().store.open(path, "wb") as file:
        file.write(data)


def test_what_was_made_agrees_by_a_listing_and_a_read_of_each_manifest(far):
    asked = Counter()
    lake().store.fs.s3.meta.events.register("before-send.s3", lambda event_name, **_: asked.update([event_name]))

    assert found() == []
    assert asked == {"before-send.s3.ListObjectsV2": 3, "before-send.s3.GetObject": 3}
    assert found(is_deep=True) == []


def test_damage_of_the_files_is_found(far):
    store = lake().store
    review, purchase = folder_of(MovieReview), folder_of(UserPurchase)
    size = len(store.read(f"{review}/part-0000.csv").data)
    put(f"{review}/part-0000.csv", b"x" * size)
    store.delete([f"{purchase}/part-0000.parquet"])
    put(f"{purchase}/part-0001.parquet", b"more")
    put(f"{folder_of(ClassifiedMovieReview)}/part-0000.parquet", b"half")

    assert found() == [
        ("file missing", "stage/user_purchase"),
        ("file extra", "stage/user_purchase"),
        ("file checksum", "raw/movie_review"),
        ("file size", "stage/classified_movie_review"),
    ]


def test_a_deep_look_reads_the_rows_of_parquet(far):
    path = f"{UserPurchase.dataset}/_manifest/{of(DAY)}.json"
    said = lake().store.read(path)
    values = json.loads(said.data)
    values["files"][0]["rows"] += 1
    values["rows"] = {"read": values["rows"]["read"] + 1, "written": values["rows"]["written"] + 1, "refused": 0}
    assert lake().store.replace(path, json.dumps(values).encode(), said.version)

    assert (found(), found(is_deep=True)) == ([], [("file rows", "stage/user_purchase")])


def test_damage_of_the_catalogue_and_the_table_is_found(far):
    make_day_of_metric(NEXT_DAY)
    with warehouse().autocommit() as cursor:
        cursor.execute(f"ALTER TABLE spectrum.user_purchase_staging DROP PARTITION ({_equality(DAY)})")
        cursor.execute(
            f"ALTER TABLE spectrum.classified_movie_review PARTITION ({_equality(NEXT_DAY)})"
            f" SET LOCATION '{lake().store.url(folder_of(UserPurchase))}'"
        )
        cursor.execute("DELETE FROM public.user_behavior_metric")

    assert found() == [
        ("external missing", "spectrum.user_purchase_staging"),
        ("external location", "spectrum.classified_movie_review"),
        ("table rows", "public.user_behavior_metric"),
        ("table rows", "public.user_behavior_metric"),
    ]


def _equality(day):
    return f"insert_date='{day}'"
