"""A job of the lake as steps of a cluster of EMR: what is sent there, and what becomes of what comes back."""

import dataclasses
import io
import json
import zipfile

import pytest
from fixtures_jobs import DAYS, ROWS, Heard, commit_days, given_days, run_alone
from fixtures_s3 import REGION, new_bucket

from emr import steps
from emr.errors import ClusterLost
from pipeline.core.errors import CheckFailed, JobFailed, SettingError, SourceUnavailable
from pipeline.core.lake import Attempt, Counts, Dataset, Lake, Partition
from pipeline.core.spark import code, jobs, on_emr, results
from pipeline.core.spark.claims import claims
from pipeline.core.store.s3 import S3Store

JOB = "classified_movie_review"
# AddJobFlowSteps takes no more characters in all arguments of a step.
LONGEST_ARGUMENTS = 10280
REVIEWS = "cid,review_str\n1,good\nx,bad\n3,bad\n"
RAW = "raw/movie_review/20261122T000000Z-00000000/insert_date=2010-12-01"


@pytest.fixture
def lake(ministack, emr, settings, monkeypatch, spark_run):
    """A lake in S3 with some raw reviews, and settings that have jobs run on a cluster."""
    root = f"{new_bucket(ministack)}/some/prefix"
    for name, value in emr.environment.items():
        monkeypatch.setenv(name, value)
    for section, key, value in (
        ("lake", "root", root), ("lake", "endpoint_url", ministack), ("lake", "region", REGION),
        ("jobs", "runner", "emr"), ("emr", "cluster_id", emr.cluster_id), ("emr", "poll_seconds", "1"),
    ):  # fmt: skip
        settings(section, key, value)
    lake = Lake(S3Store(root, ministack, REGION))
    assert lake.store.create(f"{RAW}/part-0000.csv", REVIEWS.encode())
    return lake


def begin(lake):
    return lake.begin(Dataset("stage", JOB), Partition("insert_date", "2010-12-01"), "task")


def run(lake, attempt):
    return run_alone(attempt, lake.store.url(RAW))


def commit(report):
    return report.attempt.commit(report.files, report.rows, report.schema, (), "1")


def test_what_the_steps_wrote_is_committed_under_their_attempt_and_what_they_refused_is_in_its_quarantine(lake, emr):
    report = run(lake, begin(lake))
    manifest = commit(report)

    assert manifest.rows == Counts(read=3, written=2, refused=1)
    assert manifest.attempt in emr.steps()[0][0]
    [refused] = lake.store.list(report.attempt.quarantine)
    assert json.loads(lake.store.read(refused.path).data)["reason"] == "cid is no whole number"
    assert not [one.path for one in lake.store.list("stage") if "refused" in one.path]


def test_many_days_are_three_steps_which_the_next_run_of_the_same_days_goes_on_with(lake, emr):
    given = given_days(lake)
    died = jobs.run_job(JOB, given, Heard())

    reports = jobs.run_job(JOB, given, Heard())

    assert commit_days(reports) == ROWS
    assert {one.attempt.id for one in (*died.values(), *reports.values())} == {reports[next(iter(given))].attempt.id}
    assert len(emr.steps()) == 3 and " insert_date=2010-12-01..2010-12-03-" in emr.steps()[0][0]
    assert emr.hdfs() == []
    refused = [one.path.split("/")[-2] for one in lake.store.list(f"quarantine/{JOB}")]
    assert refused == ["insert_date=2010-12-01"]
    assert [str(one.partition) for one in claims(lake.store)] == list(DAYS)


def test_other_days_are_other_steps_and_a_day_alone_has_its_own(lake):
    given = list(given_days(lake))

    assert results.partitions_name(given[:1]) == "insert_date=2010-12-01"
    assert results.partitions_name(given[::2]) != results.partitions_name(given)
    assert results.partitions_name(given[::-1]) == results.partitions_name(given)


def test_the_arguments_of_a_hundred_days_are_as_short_as_emr_asks_for(lake):
    day = Attempt(lake, Dataset("stage", JOB), Partition("insert_date", "2010-12-01"), "", None, "2" * 25)
    attempts = [dataclasses.replace(day, partition=Partition("insert_date", f"2010-12-{n:02}")) for n in range(100)]
    places = on_emr._places({one: f"s3://bucket/prefix/raw/movie_review/{one.id}/{one.partition}" for one in attempts})

    [one] = [steps.as_one(steps.fill(steps.load(JOB), places | {"code": "s3://bucket/prefix/code/" + "1" * 16}))]

    assert sum(map(len, one["HadoopJarStep"]["Args"])) < LONGEST_ARGUMENTS


@pytest.mark.faults
def test_a_run_that_died_before_the_commit_is_resumed_by_the_next(lake, emr):
    first = run(lake, begin(lake))

    report = run(lake, begin(lake))
    commit(report)

    assert report.attempt.id == first.attempt.id
    assert report.rows == first.rows
    assert len(emr.steps()) == 3


def test_what_another_run_has_moved_to_the_quarantine_is_not_missed(lake, monkeypatch):
    attempt = begin(lake)
    paths = [f"{attempt.base}/refused/{attempt.partition}/{name}.json" for name in ("one", "two")]
    for path in paths:
        assert lake.store.create(path, b"{}")
    listed = list(lake.store.list(f"{attempt.dataset}/{attempt.id}"))
    lists = iter([listed])
    lake.store.delete(paths[:1])
    real = lake.store.list
    monkeypatch.setattr(lake.store, "list", lambda folder: next(lists, None) or real(folder))

    results.move_refused(attempt)

    assert [one.path.rpartition("/")[2] for one in real(attempt.quarantine)] == ["two.json"]
    assert list(real(f"{attempt.base}/refused")) == []


@pytest.mark.faults
def test_on_a_cluster_whose_steps_run_side_by_side_one_step_does_it_all(lake, emr, settings):
    emr.cluster_id = emr.new_cluster(side_by_side=2)
    settings("emr", "cluster_id", emr.cluster_id)

    manifest = commit(run(lake, begin(lake)))

    assert manifest.rows == Counts(read=3, written=2, refused=1)
    assert (emr.states(), emr.hdfs()) == (["COMPLETED"], [])


def test_a_rerun_is_not_answered_by_steps_that_were_submitted_before_it(lake):
    before, attempt = inputs(lake), begin(lake)
    commit(given_result(attempt))
    name = lake.request_rerun(attempt.dataset, attempt.partition)

    assert inputs(lake) == (*before, f"rerun {name}")


def inputs(lake):
    return results.inputs({begin(lake): lake.store.url(RAW)})


def given_result(attempt):
    """Return the report of steps that wrote one file with one row."""
    with attempt.open("part-0000.parquet") as file:
        file.write(b"row")
    written = {"name": "part-0000.parquet", "bytes": 3, "rows": 1}
    told = {"read": 1, "written": 1, "refused": 0, "files": [written]}
    report = {"partitions": {str(attempt.partition): told}, "schema": {}}
    assert attempt.store.create(f"{attempt.dataset}/{attempt.id}/report.json", json.dumps(report).encode())
    return results.written([attempt])[attempt]


def test_the_code_is_uploaded_once_for_each_content(lake):
    folder = code.upload_code(lake.store, JOB)
    there = {one.path: one.modified for one in lake.store.list("code")}

    assert code.upload_code(lake.store, JOB) == folder
    assert {one.path: one.modified for one in lake.store.list("code")} == there
    path = f"code/{code.code_hash()}"
    assert set(there) == {f"{path}/spark_jobs.zip", f"{path}/{JOB}.py"}
    archive = zipfile.ZipFile(io.BytesIO(lake.store.read(f"{path}/spark_jobs.zip").data))
    assert {"spark_jobs/__init__.py", "spark_jobs/job.py"} <= set(archive.namelist())


def test_steps_that_completed_and_left_nothing_are_no_success(lake, monkeypatch):
    monkeypatch.setattr(on_emr.steps, "load", lambda name: [no_step()])

    with pytest.raises(JobFailed, match=r"completed on j-\w+, but stage/.*report.json .* are not there"):
        run(lake, begin(lake))


def no_step():
    return {"Name": "", "ActionOnFailure": "CONTINUE", "HadoopJarStep": {"Jar": "command-runner.jar", "Args": ["true"]}}


@pytest.mark.faults
def test_a_pool_takes_the_jobs_and_is_left_as_it_was(lake, settings, emr):
    settings("emr", "cluster_id", "")
    settings("emr", "pool", "nightly-reviews")
    settings("emr", "pool_clusters", "0")
    emr.cluster_id = emr.new_cluster(side_by_side=2, pool="nightly-reviews")

    assert commit(run(lake, begin(lake))).rows == Counts(read=3, written=2, refused=1)

    assert emr.states() == ["COMPLETED"]
    [slot] = lake.store.list(f"_emr/_pool/{emr.cluster_id}")
    assert json.loads(lake.store.read(slot.path).data)["name"] == ""


def test_a_cluster_that_is_not_there_is_named_with_its_setting(lake, settings):
    settings("emr", "cluster_id", "j-NONE")

    with pytest.raises(SettingError, match=r"stage/.*2010-12-01 on EMR, \[emr\] cluster_id = j-NONE: .*not valid"):
        run(lake, begin(lake))


def test_a_cluster_that_takes_no_steps_is_named_with_what_to_do(lake, emr):
    emr.terminate()

    with pytest.raises(SettingError, match=r"is TERMINATED_WITH_ERRORS and takes no steps. Look at \[emr\] cluster_id"):
        run(lake, begin(lake))


def test_a_cluster_that_is_lost_is_told_with_where_to_look(lake):
    message = (
        r"j-1 is TERMINATED \(X\)\. Look at that reason, and at \[emr\] pool = nightly; the next run makes another"
    )

    with pytest.raises(SourceUnavailable, match=message), results.explained("stage/x", "[emr] pool = nightly"):
        raise ClusterLost("j-1 is TERMINATED (X)")


def test_a_ledger_that_somebody_wrote_into_is_named(lake):
    assert lake.store.create(f"_emr/stage/{JOB}/insert_date=2010-12-01.json", b"{}")

    with pytest.raises(CheckFailed, match=r"_emr/stage/\w+/insert_date=2010-12-01.json in the lake is no entry"):
        run(lake, begin(lake))


@pytest.mark.faults
def test_an_emr_that_does_not_answer_is_asked_again_later(lake, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL_EMR", "http://127.0.0.1:9")
    monkeypatch.setattr("emr.api.FIRST_SECONDS", 0.1)

    with pytest.raises(SourceUnavailable, match="AWS cannot be reached"):
        run(lake, begin(lake))


def test_an_attempt_whose_files_are_gone_has_no_result(lake):
    attempt = begin(lake)
    assert given_result(attempt).rows == Counts(1, 1, 0)

    lake.store.delete([f"{attempt.folder}/part-0000.parquet"])

    assert results.written([attempt]) is None
    assert results.written(results.with_id([attempt], "another")) is None
