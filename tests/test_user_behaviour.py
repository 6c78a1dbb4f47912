"""The user-behaviour pipeline, by the commands that its user types."""

from __future__ import annotations

import json
import re
import time
from datetime import date, timedelta
from decimal import Decimal

import pyarrow.parquet
import pytest
from processes import drivers_with_a_jvm
from project import DAY, luigi_command
from sample import DAY_ROWS, given_a_day

METRIC = "UserBehaviourMetric"
RANGE = ("RangeDaily", "--of", METRIC, "--start", "2010-12-01", "--stop", "2010-12-04")


def test_a_day_goes_from_the_sources_to_the_metric(project):
    given_a_day(project)

    done = project.metric_of(DAY)

    assert done.code == 0, done.output
    assert project.metric() == DAY_ROWS
    assert any("made     MovieReview 2010-12-01: read 5, wrote 5, refused 0" in line for line in done.lines)
    assert "6 made, 0 already there, 0 failed" in done.lines[-1]
    assert project.disagreements() == []


def test_the_staged_files_are_of_types_that_spectrum_reads(project):
    given_a_day(project)
    project.metric_of(DAY)

    files = list(project.folder.glob("lake/stage/*/*/*/*.parquet"))
    columns = [column for file in files for column in pyarrow.parquet.ParquetFile(file).schema]

    assert len(files) == 2
    assert {column.physical_type for column in columns} <= {
        "INT32",
        "INT64",
        "BYTE_ARRAY",
        "FIXED_LEN_BYTE_ARRAY",
        "BOOLEAN",
    }
    logical = {column.name: str(column.logical_type) for column in columns}
    assert "timeUnit=microseconds" in logical["invoicedate"]
    assert logical["unitprice"] == "Decimal(precision=8, scale=3)"
    assert not [kind for kind in logical.values() if "isSigned=false" in kind]
    assert "insert_date" not in logical


def test_a_second_run_of_the_same_day_does_nothing_and_says_so(project):
    given_a_day(project)
    project.metric_of(DAY)

    again = project.metric_of(DAY)

    assert again.code == 0
    assert again.output.startswith("Nothing to do: UserBehaviourMetric 2010-12-01 is already there")
    assert len(again.lines) == 1
    assert project.metric() == DAY_ROWS


def test_neither_side_multiplies_the_other_and_other_dates_do_not_count(project):
    given_a_day(project)
    project.metric_of(DAY)
    project.given_feed(("13047", "good"), ("13047", "good"))

    done = project.metric_of("2010-12-02")

    assert done.code == 0, done.output
    assert project.metric("2010-12-02") == [(13047, Decimal(500), 2, 2, date(2010, 12, 2))]
    assert project.metric(DAY) == DAY_ROWS


def test_a_day_without_purchases_is_an_empty_metric(project):
    given_a_day(project)

    done = project.metric_of("2010-12-25")

    assert done.code == 0, done.output
    assert project.metric("2010-12-25") == []
    assert any("UserPurchase 2010-12-25: read 0, wrote 0, refused 0" in line for line in done.lines)
    assert "Nothing to do" in project.metric_of("2010-12-25").output


def test_a_feed_with_a_header_only_is_a_day_without_reviews(project):
    given_a_day(project)
    project.given_feed()

    done = project.metric_of(DAY)

    assert done.code == 0, done.output
    assert project.metric() == []


def test_a_feed_of_a_file_a_day_is_taken_by_its_date(project):
    given_a_day(project)
    project.feed.rename(project.folder / "reviews-2010-12-01.csv")
    project.set("user_behaviour", review_feed="reviews-{date}.csv")

    assert project.metric_of(DAY).code == 0
    assert project.metric() == DAY_ROWS


def test_several_days_in_one_command_share_one_spark_driver(project, monkeypatch):
    given_a_day(project)
    monkeypatch.delenv("LAKESHIFT_RUN")

    run = project.start(*luigi_command(*RANGE, "--workers", "4"))
    seen = set()
    while run.poll() is None:
        seen |= {driver.pid for driver in drivers_with_a_jvm(run.pid)}
        time.sleep(0.05)
    output, _ = run.communicate()

    assert run.returncode == 0, output
    assert len(seen) == 1
    assert [len(project.metric(f"2010-12-0{day}")) for day in (1, 2, 3)] == [2, 1, 0]


def test_a_long_range_of_old_days_is_made_whole(project):
    project.given_feed(("13047", "good"))

    done = project.luigi("RangeDaily", "--of", "MovieReview", "--start", "2008-01-01", "--stop", "2008-03-01")

    assert done.code == 0, done.output
    assert len(list(project.folder.glob("lake/raw/movie_review/_manifest/*.json"))) == 60


def test_a_range_that_is_there_is_nothing_to_do(project):
    given_a_day(project)
    project.luigi(*RANGE)

    again = project.luigi(*RANGE)

    assert again.code == 0
    assert again.output.startswith("Nothing to do: RangeDaily UserBehaviourMetric 2010-12-01 to 2010-12-04 is already")


def test_two_runs_of_a_day_at_once_make_it_once_and_both_end_well(project):
    given_a_day(project)
    command = luigi_command(METRIC, "--date", DAY)

    runs = [project.start(*command) for _ in range(2)]
    outputs = [run.communicate(timeout=280)[0] for run in runs]

    assert [run.returncode for run in runs] == [0, 0], outputs
    made = [int(count) for output in outputs for count in re.findall(r"(\d+) made", output)]
    # Both may set the two external partitions, to the same location.
    assert 6 <= sum(made) <= 8, outputs
    assert project.metric() == DAY_ROWS
    assert project.query("SELECT count(*) FROM public.etl_load") == [(1,)]


def test_a_rerun_replaces_the_day_and_what_is_made_of_it(project):
    given_a_day(project)
    project.metric_of(DAY)
    project.given_feed(("13047", "good"))

    asked = project.lakeshift("rerun", "MovieReview", "--date", DAY, "--downstream")
    between = project.metric(), project.query("SELECT count(*) FROM spectrum.classified_movie_review")
    done = project.metric_of(DAY)

    assert asked.code == 0, asked.output
    assert between == (DAY_ROWS, [(5,)])
    assert done.code == 0, done.output
    assert project.metric() == [(13047, Decimal("0.375"), 1, 1, date(2010, 12, 1))]
    assert "UserPurchase 2010" not in done.output


@pytest.mark.parametrize("task", ["MovieReview", "UserPurchase"])
def test_a_day_that_has_not_ended_is_refused(project, task):
    given_a_day(project)

    done = project.luigi(task, "--date", (date.today() + timedelta(days=1)).isoformat())

    assert done.code == 30
    assert "has not ended" in done.output
    assert not (project.folder / "lake/raw").exists()


def test_a_day_that_has_not_ended_is_taken_where_the_settings_allow_it(project):
    project.given_feed(("13047", "good"))
    project.set("lake", allow_unfinished="true")

    done = project.luigi("MovieReview", "--date", date.today().isoformat())

    assert done.code == 0, done.output


def test_the_load_names_the_attempts_that_it_read(project):
    given_a_day(project)
    project.metric_of(DAY)

    [(inputs, row_count, reruns)] = project.query("SELECT inputs, row_count, rerun_requested_at FROM public.etl_load")

    named = {one["name"]: one["attempt"] for one in json.loads(inputs)}
    assert row_count == 2
    assert reruns is None
    for dataset in ("stage/user_purchase", "stage/classified_movie_review"):
        manifest = project.folder / f"lake/{dataset}/_manifest/insert_date={DAY}.json"
        assert named[dataset] == json.loads(manifest.read_text())["attempt"]
