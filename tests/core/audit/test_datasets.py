"""Damage of a dataset in the lake is found: its manifests, its files, and what they were made of."""

from __future__ import annotations

import json

import pytest
from fixtures_audit import DAY, NEXT_DAY, of

from pipeline.core.lake import lake
from pipeline.user_behaviour import ClassifiedMovieReview, MovieReview, UserPurchase

PURCHASE = ("stage/user_purchase", str(of(DAY)))
REVIEW = ("raw/movie_review", str(of(DAY)))
CLASSIFIED = ("stage/classified_movie_review", str(of(DAY)))


def test_a_file_that_is_gone_is_found(world):
    world.file(UserPurchase).unlink()

    assert world.found() == [("file missing", *PURCHASE)]


def test_a_file_that_no_manifest_names_is_found_where_a_reader_sees_it(world):
    folder = world.file(UserPurchase).parent
    for name in ("_SUCCESS", ".part-0000.parquet.crc", "part-0001.parquet"):
        (folder / name).write_bytes(b"more")

    assert world.found() == [("file extra", *PURCHASE)]
    assert "found part-0001.parquet. Whoever reads the folder" in world.audit().out


def test_a_byte_that_is_another_is_found_though_size_and_time_are_the_same(world):
    file = world.file(ClassifiedMovieReview)
    data = file.read_bytes()
    with file.open("r+b") as stream:
        stream.seek(len(data) // 2)
        stream.write(bytes([data[len(data) // 2] ^ 1]))

    assert world.found() == [("file checksum", *CLASSIFIED)]


def test_a_file_that_cannot_be_read_is_found(world):
    file = world.file(MovieReview)
    file.unlink()
    # What reads its first bytes is told of an error of the device.
    file.symlink_to("/proc/self/mem")
    [named] = json.loads(world.manifest(MovieReview).to_json())["files"]
    world.change_manifest(MovieReview, files=[named | {"bytes": 0}])

    assert world.found() == [("file checksum", *REVIEW)]
    assert "Input/output error" in world.audit().out


def test_a_number_of_rows_that_is_not_the_files_own_is_found_by_a_deep_look(world):
    manifest = world.manifest(UserPurchase)
    [file] = json.loads(manifest.to_json())["files"]
    rows = {"read": file["rows"] + 1, "written": file["rows"] + 1, "refused": 0}
    world.change_manifest(UserPurchase, files=[file | {"rows": file["rows"] + 1}], rows=rows)

    assert world.found(code=0) == []
    assert world.found("--deep") == [("file rows", *PURCHASE)]


def test_a_file_that_is_no_parquet_is_found_though_its_manifest_has_no_checksum(world):
    file = world.file(UserPurchase)
    size = file.stat().st_size
    file.write_bytes(b"x" * size)
    [named] = json.loads(world.manifest(UserPurchase).to_json())["files"]
    world.change_manifest(UserPurchase, files=[named | {"checksum": ""}])

    assert world.found(code=0) == []
    assert "1 unchecked file" in world.audit().out
    assert world.found("--deep") == [("file rows", *PURCHASE)]


@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"dataset": 5}'])
def test_a_manifest_that_cannot_be_read_is_found_once(world, text):
    world.manifest_path(UserPurchase).write_text(text)

    assert world.found() == [("manifest", *PURCHASE)]


def test_a_manifest_whose_counts_do_not_balance_is_found(world):
    world.change_manifest(MovieReview, rows={"read": 9, "written": 5, "refused": 0})

    assert world.found() == [("manifest", *REVIEW)]
    assert "Of 9 rows read, 5 were written and 0 refused." in world.audit().out


def test_files_whose_rows_do_not_add_up_to_those_written_are_found(world):
    world.change_manifest(MovieReview, rows={"read": 9, "written": 9, "refused": 0})

    assert world.found() == [("counts", *REVIEW)]


def test_a_manifest_of_another_partition_is_found(world):
    text = world.manifest_path(MovieReview, NEXT_DAY).read_text()
    world.manifest_path(MovieReview).write_text(text)

    assert ("place", *REVIEW) in world.found()
    assert "found that of raw/movie_review insert_date=2010-12-02" in world.audit().out


def test_a_manifest_that_points_elsewhere_is_found(world):
    world.change_manifest(MovieReview, location=str(world.folder / "elsewhere"))

    assert world.found() == [("place", *REVIEW)]


@pytest.mark.parametrize("name", ["notes.txt", "insert_date=2010-13-01.json"])
def test_what_lies_among_the_manifests_and_is_none_is_found(world, name):
    world.manifest_path(MovieReview).with_name(name).write_text("{}")

    assert world.found() == [("manifest", "raw/movie_review", "")]


def test_what_was_made_of_an_attempt_that_is_replaced_is_found_as_stale(world):
    lake().request_rerun(MovieReview.dataset, of(DAY))
    MovieReview(date=DAY).run()

    assert world.found() == [("input stale", *CLASSIFIED)]


def test_what_was_made_of_an_attempt_that_was_never_committed_is_found(world):
    [source] = json.loads(world.manifest(ClassifiedMovieReview).to_json())["inputs"]
    world.change_manifest(ClassifiedMovieReview, inputs=[source | {"attempt": "99991231T000000Z-00000000"}])

    assert world.found() == [("input unknown", *CLASSIFIED)]


def test_what_was_made_of_a_partition_that_has_no_manifest_any_more_is_found(world):
    world.manifest_path(MovieReview).unlink()

    assert world.found() == [("input unknown", *CLASSIFIED)]


def test_an_input_outside_of_the_range_is_looked_up(world):
    [source] = json.loads(world.manifest(ClassifiedMovieReview).to_json())["inputs"]
    other = world.manifest(MovieReview, NEXT_DAY)
    moved = source | {"partition": str(of(NEXT_DAY)), "attempt": other.attempt}
    world.change_manifest(ClassifiedMovieReview, inputs=[moved])

    assert world.found("--range", "2010-12-01", code=0) == []


def test_an_input_that_is_no_partition_of_the_lake_is_found(world):
    [source] = json.loads(world.manifest(ClassifiedMovieReview).to_json())["inputs"]
    world.change_manifest(ClassifiedMovieReview, inputs=[source | {"partition": "some day"}])

    assert world.found() == [("input unknown", *CLASSIFIED)]
