"""A job of the lake as a job run of EMR Serverless: what is asked for, and what becomes of what it writes."""

import json

import pytest
from fixtures_jobs import ROWS, Heard, commit_days, given_days, run_alone
from fixtures_s3 import REGION, new_bucket
from fixtures_serverless import ROLE

from emr import run_cause
from emr import serverless as serverless_module
from emr.serverless import job_run, token
from emr.steps import SubmitLine
from pipeline.core.errors import JobFailed, SettingError, SourceUnavailable
from pipeline.core.lake import Counts, Dataset, Lake, Partition
from pipeline.core.spark import jobs
from pipeline.core.store.s3 import S3Store

JOB = "classified_movie_review"
RAW = "raw/movie_review/20261122T000000Z-00000000/insert_date=2010-12-01"
REVIEWS = "cid,review_str\n1,good\nx,bad\n3,bad\n"
TRACEBACK = 'Traceback (most recent call last):\n  File "/tmp/x/job.py", line 7, in <module>\nValueError: no x\n'


@pytest.fixture
def lake(ministack, serverless, settings, monkeypatch, spark_run):
    """A lake in S3 with some raw reviews, and settings that have jobs run in an application."""
    root = f"{new_bucket(ministack)}/some/prefix"
    for name, value in serverless.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(run_cause, "COPIED_SECONDS", 0.5)
    for section, key, value in (
        ("lake", "root", root), ("lake", "endpoint_url", ministack), ("lake", "region", REGION),
        ("jobs", "runner", "emr-serverless"), ("emr", "application_id", serverless.cluster_id),
        ("emr", "job_role", ROLE), ("emr", "poll_seconds", "1"), ("emr", "log_wait_seconds", "5"),
    ):  # fmt: skip
        settings(section, key, value)
    lake = Lake(S3Store(root, ministack, REGION))
    assert lake.store.create(f"{RAW}/part-0000.csv", REVIEWS.encode())
    return lake


@pytest.fixture
def no_job(monkeypatch):
    """Have job runs do nothing, and succeed."""
    monkeypatch.setattr(serverless_module, "spark_submit", lambda name: SubmitLine([], "true", []))


def begin(lake):
    return lake.begin(Dataset("stage", JOB), Partition("insert_date", "2010-12-01"), "task")


def run(lake, attempt):
    return run_alone(attempt, lake.store.url(RAW))


def test_a_job_run_is_the_spark_submit_step_without_its_cluster():
    places = dict.fromkeys(("output", "refused", "report", "run_id"), "x") | {
        "input": "s3://l/raw",
        "code": "s3://l/code",
    }

    asked = job_run(JOB, places, ROLE, "s3://l/logs", {"lakeshift:root": "0123456789ab"})

    submit = asked["jobDriver"]["sparkSubmit"]
    assert submit["entryPoint"] == f"s3://l/code/{JOB}.py"
    assert submit["entryPointArguments"][:2] == ["--input", "s3://l/raw"]
    assert submit["sparkSubmitParameters"] == "--py-files s3://l/code/spark_jobs.zip"
    assert (asked["executionRoleArn"], asked["tags"]) == (ROLE, {"lakeshift:root": "0123456789ab"})


def test_a_token_fits_whatever_the_name_is():
    assert token("name " * 50) == token("name " * 50) != token("name")
    assert len(token("name " * 50)) <= 64


@pytest.mark.faults
def test_what_a_job_run_wrote_is_committed_under_its_attempt_and_what_it_refused_is_in_its_quarantine(lake, serverless):
    report = run(lake, begin(lake))
    manifest = report.attempt.commit(report.files, report.rows, report.schema, (), "1")

    assert manifest.rows == Counts(read=3, written=2, refused=1)
    assert manifest.attempt in serverless.steps()[0][0]
    [refused] = lake.store.list(report.attempt.quarantine)
    assert json.loads(lake.store.read(refused.path).data)["reason"] == "cid is no whole number"
    assert [one.path for one in lake.store.list(f"stage/{JOB}/{manifest.attempt}") if "/refused" in one.path] == []


def test_many_days_are_one_job_run_and_each_has_its_own_files_and_refused_rows(lake, serverless):
    reports = jobs.run_job(JOB, given_days(lake), Heard())

    assert commit_days(reports) == ROWS
    assert len(serverless.steps()) == 1
    base = next(iter(reports.values())).attempt.base
    refused = [one.path.split("/")[-2] for one in lake.store.list(f"quarantine/{JOB}")]
    left = {one.path.removeprefix(f"{base}/").split("/")[0] for one in lake.store.list(base)}
    assert (refused, left) == (["insert_date=2010-12-01"], {*ROWS, "report.json"})


def test_a_job_run_that_succeeded_and_left_nothing_is_no_success(lake, no_job):
    with pytest.raises(JobFailed, match=r"completed on 00\w+, but stage/.*report.json .* are not there"):
        run(lake, begin(lake))


def test_what_failed_is_named_with_its_cause_and_its_log(lake, serverless):
    serverless.fail(JOB, stderr=TRACEBACK)

    with pytest.raises(
        JobFailed, match=r"the job run 00\w+ of the application 00\w+ FAILED: ValueError: no x \(job.py:7\)"
    ):
        run(lake, begin(lake))

    [log] = [one.path for one in lake.store.list("logs") if one.path.endswith("SPARK_DRIVER/stdout.gz")]
    assert serverless.cluster_id in log


def test_logs_go_where_the_setting_says(lake, serverless, settings, no_job):
    settings("emr", "log_uri", serverless.log_uri)

    with pytest.raises(JobFailed):
        run(lake, begin(lake))

    monitoring = serverless.requests()[0]["configurationOverrides"]["monitoringConfiguration"]
    assert monitoring == {"s3MonitoringConfiguration": {"logUri": serverless.log_uri}}


def test_logs_that_never_come_leave_what_emr_says_and_where_to_look(lake, serverless, settings):
    settings("emr", "log_wait_seconds", "1")
    serverless.delay_logs(None)
    serverless.fail(JOB)

    with pytest.raises(
        JobFailed, match=r"FAILED: Job failed, please check .*\. Its log: s3://.*/SPARK_DRIVER\. Run it"
    ):
        run(lake, begin(lake))


def test_a_job_run_that_never_ran_is_told_in_emr_s_words_and_no_log_is_waited_for(lake, serverless, settings):
    settings("emr", "log_wait_seconds", "600")
    serverless.refuse(JOB, why="Unable to assume the job execution role.")

    with pytest.raises(JobFailed, match=r"00\w+ FAILED: Unable to assume the job execution role\. Run it again when"):
        run(lake, begin(lake))


def test_an_application_that_takes_no_job_runs_is_named_with_what_to_do(lake, serverless, settings):
    name = serverless.new_application("TERMINATED")
    settings("emr", "application_id", name)

    with pytest.raises(SettingError, match=rf"{name} is TERMINATED .* Look at \[emr\] application_id = {name}, then"):
        run(lake, begin(lake))


def test_an_application_that_is_not_there_is_named_with_its_setting(lake, settings):
    settings("emr", "application_id", "00nothing")

    with pytest.raises(SettingError, match=r"on EMR, \[emr\] application_id = 00nothing: .*does not exist"):
        run(lake, begin(lake))


def test_emr_that_does_not_answer_is_asked_again_later(lake, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL_EMR_SERVERLESS", "http://127.0.0.1:9")
    monkeypatch.setattr("emr.api.FIRST_SECONDS", 0.1)
    monkeypatch.setattr("botocore.retries.standard.ExponentialBackoff.delay_amount", lambda *context: 0.01)

    with pytest.raises(SourceUnavailable, match="AWS cannot be reached"):
        run(lake, begin(lake))


def test_a_region_that_nobody_says_is_asked_for(lake, settings, monkeypatch):
    attempt = begin(lake)
    monkeypatch.delenv("AWS_DEFAULT_REGION", raising=False)
    settings("lake", "region", "")

    with pytest.raises(SettingError, match=r"stage/.* on EMR, \[lake\] region: in which region\?"):
        run(lake, attempt)
