"""`lakeshift vacuum` shows what nothing needs, and removes it when told to."""

import os
import time

import pytest
from fixtures_cli import DAY, REVIEWS, commit

from emr.lease import new_lease
from emr.ledger import Entry, Ledger
from pipeline.core.lake import Lake
from pipeline.core.store import open_store
from pipeline.core.warehouse import warehouse

CLASSIFIED = REVIEWS[1]


@pytest.fixture
def lake(tmp_path):
    return Lake(open_store(str(tmp_path / "lake")))


@pytest.fixture
def lost(lake, tmp_path):
    """An attempt that was never committed, with the refused rows and the half of a file that it left, 30 days ago."""
    attempt = lake.begin(CLASSIFIED, DAY, "test")
    for file in (attempt.open("part-0000.parquet"), attempt.open_refused("refused.csv")):
        with file:
            file.write(b"rows")
    aside = tmp_path / "lake" / attempt.folder / f".part-0001.parquet.{'0' * 16}"
    aside.write_bytes(b"ha")
    for path in (tmp_path / "lake").rglob("*"):
        os.utime(path, (time.time() - 30 * 86400,) * 2)
    return attempt


def files(tmp_path):
    return sorted(path.name for path in (tmp_path / "lake").rglob("*") if path.is_file())


def test_what_nothing_needs_is_shown_and_stays(lakeshift, lost, tmp_path):
    done = lakeshift("vacuum")

    *_, upload, total, hint = done.out.splitlines()
    rows = [[cell.strip() for cell in line.strip("│").split("│")] for line in done.out.splitlines() if line[0] == "│"]
    assert [
        ["quarantine/classified_movie_review", lost.id, str(DAY), "30", "1", "4"],
        ["stage/classified_movie_review", lost.id, str(DAY), "30", "1", "4"],
    ] == rows
    assert upload == f"An upload of {lost.folder}/part-0001.parquet was begun 30 days ago and never finished"
    assert total == "Older than 7 days, and needed by nothing: 2 attempts (2 files, 8 bytes), 1 unfinished upload"
    assert hint == "Remove them: lakeshift vacuum --delete"
    assert len(files(tmp_path)) == 3


def test_what_nothing_needs_is_removed_when_told_so(lakeshift, lake, lost, tmp_path):
    commit(lake, REVIEWS[0])

    removed, again = lakeshift("vacuum", "--delete"), lakeshift("vacuum")

    assert removed.out.splitlines()[-1] == "Removed: 2 attempts (2 files, 8 bytes), 1 unfinished upload"
    assert again.out == "There is nothing to remove: all that is older than 7 days is needed\n"
    assert files(tmp_path) == [f"{DAY}.json", "part-0000.csv"]
    assert not (tmp_path / "lake" / f"{CLASSIFIED}/{lost.id}").exists()


def test_what_an_external_partition_points_at_stays(lakeshift, lost):
    warehouse().set_external_partitions("spectrum.classified_movie_review", {DAY: lost.location})

    done = lakeshift("vacuum", "--delete")

    assert done.out.splitlines()[-1] == "Removed: 0 attempts (0 files, 0 bytes), 1 unfinished upload"


def submit(lake, attempt, state):
    """Have the ledger tell of steps that make an attempt."""
    made_at = "2010-12-01T00:00:00+00:00"
    inputs = (f"s3://bucket/raw/movie_review/1/{DAY}", "code 1")
    entry = Entry("lakeshift 0 g1", 1, attempt.id, inputs, new_lease(), "j-1", ("s-1",), state, made_at)
    assert Ledger(lake.store).write(f"{CLASSIFIED}/{DAY}", entry, None)


@pytest.mark.parametrize("state", ["INTENT", "SUBMITTED", "COMPLETED"])
def test_what_steps_on_emr_make_for_the_next_run_stays(lakeshift, lake, lost, state):
    submit(lake, lost, state)

    done = lakeshift("vacuum", "--delete")

    assert done.out.splitlines()[-1] == "Removed: 0 attempts (0 files, 0 bytes), 1 unfinished upload"


@pytest.mark.parametrize("state", ["FAILED", "CANCELLED"])
def test_what_steps_on_emr_left_that_failed_is_removed(lakeshift, lake, lost, state):
    submit(lake, lost, state)

    assert "Removed: 2 attempts" in lakeshift("vacuum", "--delete").out


def test_where_what_was_submitted_cannot_be_understood_nothing_is_removed(lakeshift, lake, lost):
    lake.store.create(f"_emr/{CLASSIFIED}/{DAY}.json", b"{")

    there = lake.store.read(f"{lost.folder}/part-0000.parquet")

    done = lakeshift("vacuum", "--delete")

    assert (done.code, done.err.count("\n")) == (1, 1)
    assert there and lake.store.read(f"{lost.folder}/part-0000.parquet") == there
    assert f"_emr/{CLASSIFIED}/{DAY}.json in the lake is no entry of the ledger" in done.err


@pytest.fixture
def blind(lakeshift, settings, redshift, lost):
    """Return what runs the command with a Redshift that shows none of the external tables."""
    settings("warehouse", "url", redshift.url)
    return lakeshift


def test_where_a_table_is_not_shown_whose_partitions_may_point_at_it_nothing_is_removed(blind, lake, tmp_path):
    commit(lake, CLASSIFIED)
    there = files(tmp_path)

    done = blind("vacuum", "--delete")

    assert (done.code, done.err.count("\n"), files(tmp_path)) == (1, 1, there)
    assert "spectrum.classified_movie_review is not shown to the user who asks" in done.err
    assert "GRANT USAGE ON SCHEMA spectrum" in done.err


def test_a_table_that_is_not_shown_and_can_have_no_partition_yet_keeps_nothing(blind):
    done = blind("vacuum")

    assert (done.code, done.out.splitlines()[-1]) == (0, "Remove them: lakeshift vacuum --delete")


def test_what_was_refused_of_a_seed_stays(lakeshift, lost, tmp_path):
    (tmp_path / "lake/quarantine/user_purchase_seed" / lost.id).mkdir(parents=True)
    refused = tmp_path / "lake/quarantine/user_purchase_seed" / lost.id / "refused.csv"
    refused.write_bytes(b"rows")
    os.utime(refused, (0, 0))

    lakeshift("vacuum", "--delete")

    assert files(tmp_path) == ["refused.csv"]


@pytest.mark.parametrize(("days", "is_kept"), [("29", False), ("31", True)])
def test_how_old_it_must_be_can_be_said(lakeshift, settings, lost, days, is_kept):
    settings("lake", "vacuum_after_days", "60")

    done = lakeshift("vacuum", "--older-than", days)

    assert ("nothing to remove" in done.out) is is_kept
    assert is_kept or done.out.splitlines()[-1] == "Remove them: lakeshift vacuum --delete --older-than 29"


def test_the_settings_say_how_old_it_must_be(lakeshift, settings, lost):
    settings("lake", "vacuum_after_days", "31")

    assert "all that is older than 31 days is needed" in lakeshift("vacuum").out


def test_what_is_under_way_can_not_be_asked_for(lakeshift, settings):
    assert lakeshift("vacuum", "--older-than", "0").code == 2
    settings("lake", "vacuum_after_days", "0")

    done = lakeshift("vacuum")

    assert (done.code, "[lake] vacuum_after_days = 0" in done.err, "at least 1" in done.err) == (1, True, True)
