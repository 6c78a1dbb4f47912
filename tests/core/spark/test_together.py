"""One job makes many days of a dataset: each is committed by itself, and what is wrong with one is that day's."""

from __future__ import annotations

import datetime
from pathlib import Path

import luigi
import pytest
from fixtures_s3 import REGION, new_bucket
from luigi.worker import DONE, FAILED

from pipeline.core import run
from pipeline.core.errors import JobFailed, JobThrew, SourceUnavailable
from pipeline.core.lake import Attempt, Counts, File, Partition, lake
from pipeline.core.spark import batches
from pipeline.core.spark.report import JobReport
from pipeline.user_behaviour import ClassifiedMovieReview, MovieReview

DAYS = tuple(datetime.date(2010, 12, 1) + datetime.timedelta(days) for days in range(8))
HEADER = "cid,review_str\n"
GOOD = HEADER + "1,good\n2,bad\n"


@pytest.fixture(autouse=True)
def lines(settings, tmp_path, monkeypatch, spark_run):
    """A lake of the test's own, and the days that each job is run for."""
    settings("lake", "root", str(tmp_path / "lake"))
    monkeypatch.setattr(run, "open_file", lambda path: None)
    # A task knows how it ended, and Luigi gives out the one that it has made already.
    luigi.task.Register.clear_instance_cache()
    run_for, ran = batches.run_job, []

    def running(name, inputs, reporter):
        ran.append(len(inputs))
        return run_for(name, inputs, reporter)

    monkeypatch.setattr(batches, "run_job", running)
    return ran


def given_reviews(days):
    for day, text in days.items():
        attempt = lake().begin(MovieReview.dataset, Partition.of_date(day), "test")
        with attempt.open("part-0000.csv") as file:
            file.write(text.encode())
        rows = text.count("\n") - 1
        attempt.commit([File("part-0000.csv", len(text), rows)], Counts(rows, rows, 0), {}, (), "test")


def build(days):
    tasks = [ClassifiedMovieReview(date=day) for day in days]
    return luigi.build(tasks, local_scheduler=True, detailed_summary=True)


def told(result, status=DONE):
    return {one.task.date: one.text for one in result.worker.summary.select(status)}


def manifest(day):
    return lake().manifest(ClassifiedMovieReview.dataset, Partition.of_date(day))


def test_days_are_one_job_and_each_has_its_own_rows_files_and_refused_rows(settings, lines):
    settings("lake", "max_refused", "0.5")
    given_reviews({DAYS[0]: GOOD, DAYS[1]: HEADER, DAYS[2]: HEADER + "x,good\n3,good\n4,good\n"})

    made = build(DAYS[:3])

    assert lines == [3]
    assert [text.split(";")[0] for text in told(made).values()] == [
        "read 2, wrote 2, refused 0",
        "read 0, wrote 0, refused 0",
        "read 3, wrote 2, refused 1",
    ]
    place = Path(told(made)[DAYS[2]].split("refused rows: ")[1])
    assert '"place":"x,good"' in "".join(path.read_text() for path in place.glob("*.json"))
    assert made.worker.summary.rows() == ["ClassifiedMovieReview: read 5, wrote 4, refused 1"]
    assert len({manifest(day).attempt for day in DAYS[:3]}) == 1
    read = lake().manifest(MovieReview.dataset, Partition.of_date(DAYS[1]))
    assert [one.attempt for one in manifest(DAYS[1]).inputs] == [read.attempt]


def test_of_many_days_too_many_refused_rows_or_missing_ones_stop_their_own_day(lines):
    given_reviews({DAYS[0]: GOOD, DAYS[1]: HEADER + "x,good\n1,good\n", DAYS[2]: GOOD, DAYS[3]: GOOD})
    short = lake().manifest(MovieReview.dataset, Partition.of_date(DAYS[2]))
    Path(short.location, "part-0000.csv").write_text(HEADER + "1,good\n")

    made = build(DAYS[:4])

    failed = told(made, FAILED)
    assert (lines, list(told(made)), list(failed)) == ([4], [DAYS[0], DAYS[3]], [DAYS[1], DAYS[2]])
    assert "1 of 2 rows are refused, more than [lake] max_refused" in failed[DAYS[1]]
    assert "lakeshift rerun MovieReview --date 2010-12-02 --downstream" in failed[DAYS[1]]
    assert "read 1 rows of" in failed[DAYS[2]] and "which holds 2" in failed[DAYS[2]]


def test_a_day_at_which_the_job_fails_is_found_and_the_others_are_made(lines):
    given_reviews(dict.fromkeys(DAYS, GOOD) | {DAYS[5]: "review_str,cid\ngood,1\n"})

    made = build(DAYS)

    assert list(told(made)) == [day for day in DAYS if day != DAYS[5]]
    assert "insert_date=2010-12-06: IllegalArgumentException: CSV header does not" in told(made, FAILED)[DAYS[5]]
    assert lines == [8, 4, 4, 2, 2, 1, 1]
    assert {manifest(day).rows for day in told(made)} == {Counts(2, 2, 0)}


def test_a_day_whose_input_is_to_be_replaced_waits_and_the_others_are_made(lines):
    given_reviews(dict.fromkeys(DAYS[:3], GOOD))
    lake().request_rerun(MovieReview.dataset, Partition.of_date(DAYS[1]))
    task = ClassifiedMovieReview(date=DAYS[:3])

    with pytest.raises(SourceUnavailable, match="insert_date=2010-12-02 is to be replaced"):
        task.make()

    assert lines == [2]
    assert ClassifiedMovieReview.bulk_complete(DAYS) == [DAYS[0], DAYS[2]]


def test_a_lake_in_s3_is_fetched_and_filled_day_by_day(settings, lines, ministack, monkeypatch):
    for name, value in (("root", f"{new_bucket(ministack)}/p"), ("endpoint_url", ministack), ("region", REGION)):
        settings("lake", name, value)
    settings("lake", "max_refused", "0.5")
    given_reviews({DAYS[0]: GOOD, DAYS[1]: HEADER, DAYS[2]: HEADER + "x,good\n3,good\n"})

    made = build(DAYS[:3])

    assert (lines, len(told(made))) == ([3], 3)
    attempt = manifest(DAYS[0]).attempt
    left = [one.path.split("/") for one in lake().store.list("") if attempt in one.path]
    assert sorted((parts[0], parts[3]) for parts in left) == [
        ("quarantine", "insert_date=2010-12-03"),
        *(("stage", f"insert_date=2010-12-0{number}") for number in (1, 2, 3)),
    ]


@pytest.fixture
def attempts(lines):
    begun = lake().begin_together(ClassifiedMovieReview.dataset, dict.fromkeys(map(Partition.of_date, DAYS), "test"))
    return {attempt: attempt.location for attempt in begun.values() if isinstance(attempt, Attempt)}


def failing(monkeypatch, error, bad):
    """Have jobs fail on days, and return for how many each was run."""
    ran = []

    def run_job(name, inputs, reporter):
        ran.append(len(inputs))
        if any(one.partition in map(Partition.of_date, bad) for one in inputs):
            raise error
        return {one: JobReport(one, Counts(0, 0, 0), [], {}) for one in inputs}

    monkeypatch.setattr(batches, "run_job", run_job)
    return ran


def test_where_many_days_are_bad_only_so_many_jobs_look_for_them(attempts, monkeypatch):
    ran = failing(monkeypatch, JobThrew("no good"), DAYS)

    ended = batches.run_together("job", attempts, reporter=None)

    assert ran == [8, 4, 4, 2, 2, 2, 2]
    assert all(isinstance(one, JobFailed) for one in ended.values())
    assert "and not tried alone: no good. Run it again" in str(ended[next(iter(attempts))])


def test_what_is_not_the_days_own_fault_is_not_tried_again(attempts, monkeypatch):
    for error in (SourceUnavailable("S3 does not answer"), JobFailed("the master gave no executor")):
        ran = failing(monkeypatch, error, DAYS[:1])

        ended = batches.run_together("job", attempts, reporter=None)

        assert (ran, set(ended.values())) == ([8], {error})
