"""A job on many days at once makes of each what it makes of that day alone."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest
from fixtures_spark import run_on, run_on_days
from pyarrow import parquet

from spark_jobs import classified_movie_review, job

HEADER = "cid,review_str\n"
DAYS = {
    "insert_date=2010-12-01": [HEADER + "1,good\nx,bad\n2,bad\n", HEADER + '3,"good,\n\nindeed"\n'],
    "insert_date=2010-12-02": [HEADER],
    "insert_date=2010-12-03": [HEADER + "y,good\n,good\n"],
    "insert_date=2010-12-04": [HEADER + "".join(f"{number},good\n" for number in range(50))],
    "insert_date=2010-12-05": [],
}


def together(spark, folder, days=DAYS):
    done = run_on_days(spark, classified_movie_review, folder, days)
    return {day: done.of(day) for day in days}


def files_of(done):
    return [path.name for path in done.files if not path.name.startswith(".")]


def test_each_day_is_what_it_is_alone(spark, tmp_path):
    days = together(spark, tmp_path / "together")

    for day, files in DAYS.items():
        alone = run_on(spark, classified_movie_review, tmp_path / day, *files)
        assert (days[day].rows, days[day].counts) == (alone.rows, alone.counts)
        assert sorted(days[day].refused) == sorted(alone.refused)
        assert days[day].table.schema == alone.table.schema
        assert [file["rows"] for file in days[day].report["files"]] == [alone.counts[1]]


def test_a_day_has_its_own_files_only_and_the_day_is_not_in_them(spark, tmp_path):
    days = together(spark, tmp_path)

    assert {day: files_of(done) for day, done in days.items()} == {
        day: [file["name"] for file in done.report["files"]] for day, done in days.items()
    }
    assert {path.name for path in (tmp_path / "output").iterdir() if not path.name.startswith(".")} == set(DAYS)
    footers = [parquet.read_metadata(done.files[-1]) for done in days.values()]
    assert {tuple(footer.schema.names) for footer in footers} == {("cid", "positive_review")}


def test_all_days_are_one_read_and_one_write(spark, tmp_path):
    tracker = spark.sparkContext.statusTracker()
    spark.sparkContext.setJobGroup("many", "")
    days = {f"insert_date=2010-12-{number:02}": [HEADER + f"{number},good\n"] for number in range(1, 29)}

    together(spark, tmp_path, days)

    assert len(tracker.getJobIdsForGroup("many")) == 1


def test_a_second_run_replaces_what_the_first_one_left_of_its_days(spark, tmp_path):
    together(spark, tmp_path)
    [first, *others] = [f"{tmp_path}/input/{day}" for day in DAYS]
    left = (tmp_path / "output/insert_date=2010-12-04").stat().st_mtime_ns
    places = [f"{tmp_path}/{name}" for name in ("output", "refused", "report")]

    job.run(classified_movie_review, spark, job.Options([first, others[0]], *places, "run-2"))

    report = json.loads((tmp_path / "report").read_text())["partitions"]
    assert {day: told["read"] for day, told in report.items()} == {
        "insert_date=2010-12-01": 4,
        "insert_date=2010-12-02": 0,
    }
    assert len(list((tmp_path / "output/insert_date=2010-12-01").glob("*.parquet"))) == 1
    assert (tmp_path / "output/insert_date=2010-12-04").stat().st_mtime_ns == left


def test_days_of_many_small_files_become_no_more_than_their_size_asks_for(spark, tmp_path):
    days = {
        f"insert_date=2010-12-0{number}": [HEADER + f"{number}{part},good\n" for part in range(4)]
        for number in range(1, 5)
    }

    done = together(spark, tmp_path, days)

    assert [len(one.report["files"]) for one in done.values()] == [1, 1, 1, 1]
    assert [sorted(cid for cid, _ in one.rows) for one in done.values()] == [
        [f"{number}{part}" for part in range(4)] for number in range(1, 5)
    ]


def test_rows_that_are_lost_fail_the_job_and_a_transform_that_mixes_days_cannot_be(spark, tmp_path):
    def job_that(transform):
        return SimpleNamespace(
            read=classified_movie_review.read, refusal=classified_movie_review.refusal, transform=transform
        )

    losing = job_that(lambda rows: classified_movie_review.transform(rows).where("cid <> '7'"))
    mixing = job_that(lambda rows: rows.groupBy("cid").count())

    with pytest.raises(RuntimeError, match="read 56 rows, wrote 52 and refused 3"):
        run_on_days(spark, losing, tmp_path / "losing", DAYS)
    with pytest.raises(Exception, match="_metadata"):
        run_on_days(spark, mixing, tmp_path / "mixing", DAYS)


def test_an_input_that_is_not_there_is_named(spark, tmp_path):
    places = [f"{tmp_path}/{name}" for name in ("output", "refused", "report")]

    with pytest.raises(FileNotFoundError, match=r"there is no folder .*/insert_date=2010-12-09"):
        job.run(classified_movie_review, spark, job.Options([f"{tmp_path}/insert_date=2010-12-09"], *places, "run"))
