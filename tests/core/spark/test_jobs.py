"""A run has one Spark driver, which outlives its workers and ends with the run."""

import json
import multiprocessing
import os
import signal
from pathlib import Path

import pytest
from fixtures_jobs import JOB, Heard, begin, given_reviews, jobs_at, run_alone
from fixtures_s3 import REGION, new_bucket
from processes import drivers_at, wait_until

from pipeline.core.errors import JobFailed
from pipeline.core.lake import Counts, Lake
from pipeline.core.spark import client
from pipeline.core.store.local import LocalStore
from pipeline.core.store.s3 import S3Store

TESTS = Path(__file__).parents[2]
FORK = multiprocessing.get_context("fork")


@pytest.fixture(scope="module", autouse=True)
def driver(spark_run):
    """The driver of the session's run, started by a process from which it can import the slow job."""
    client.stop_driver(spark_run)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(TESTS), prepend=os.pathsep)
        client.prewarm()
        yield


@pytest.fixture
def lake(tmp_path):
    return Lake(LocalStore(str(tmp_path / "lake")))


def test_a_job_writes_below_its_attempt_and_reports_what(lake):
    attempt = begin(lake)

    report = run_alone(attempt, given_reviews(lake))

    assert report.rows == Counts(read=3, written=2, refused=1)
    assert report.schema == {"cid": "string", "positive_review": "boolean"}
    [file] = report.files
    assert (Path(attempt.location) / file.name).stat().st_size == file.bytes
    assert file.rows == 2
    assert list(Path(lake.store.url(attempt.quarantine)).glob("*.json"))


def test_what_a_job_wrote_can_be_committed(lake):
    attempt = begin(lake)

    report = run_alone(attempt, given_reviews(lake))
    attempt.commit(report.files, report.rows, report.schema, (), "1")

    assert attempt.lake.state(attempt.dataset, attempt.partition).is_complete


def test_a_lake_on_s3_is_copied_here_and_back(ministack):
    lake = Lake(S3Store(f"{new_bucket(ministack)}/some/prefix", ministack, REGION))
    attempt = begin(lake)

    report = run_alone(attempt, given_reviews(lake))

    names = [listed.path.removeprefix(f"{attempt.folder}/") for listed in lake.store.list(attempt.folder)]
    assert names == [file.name for file in report.files]
    [refused] = lake.store.list(attempt.quarantine)
    assert json.loads(lake.store.read(refused.path).data)["reason"] == "cid is no whole number"


def test_the_workers_of_a_run_share_one_driver(lake, spark_run):
    def work():
        run_alone(begin(lake), reviews)

    reviews = given_reviews(lake)
    workers = [FORK.Process(target=work) for _ in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()

    assert [worker.exitcode for worker in workers] == [0, 0]
    assert len(drivers_at(spark_run)) == 1


def test_progress_and_the_ui_are_told_while_a_job_runs(slow_line):
    heard = Heard()

    client.drive(slow_line(seconds=4), "slow", heard)

    assert heard.urls[0].startswith("http://127.0.0.1:")
    assert len([percent for percent in heard.percents if 0 < percent < 100]) > 2
    assert [at for at, percent in enumerate(heard.percents) if percent == 100] == [len(heard.percents) - 1]


def test_a_killed_worker_gives_its_job_up_and_leaves_the_driver(slow_line, lake, spark_run):
    class Url:
        def progress(self, percent):
            urls.put(None if percent == 0 else percent)

        def tracking_url(self, url):
            urls.put(url)

    urls = FORK.Queue()
    worker = FORK.Process(target=lambda: client.drive(slow_line(seconds=300), "slow", Url()))
    [before] = drivers_at(spark_run)
    worker.start()
    url = urls.get(timeout=60)
    wait_until(lambda: jobs_at(url, "running"))
    os.kill(worker.pid, signal.SIGKILL)

    wait_until(lambda: not jobs_at(url, "running"))
    run_alone(begin(lake), given_reviews(lake))
    assert drivers_at(spark_run) == [before]
    worker.join()


def test_a_job_that_fails_says_why_in_one_line_and_where_the_rest_is(lake):
    reviews = given_reviews(lake, "review_str,cid\ngood,1\n")

    with pytest.raises(JobFailed) as failed:
        run_alone(begin(lake), reviews)

    message = str(failed.value)
    assert message.startswith(f"stage/{JOB} insert_date=2010-12-01: ")
    assert "IllegalArgumentException: CSV header does not conform" in message
    assert message.endswith(f"The whole traceback: {client.log_file()}")
    assert "\n" not in message and len(message) < 500


def test_a_job_that_cannot_write_names_the_reason(lake):
    attempt = begin(lake)
    reviews = given_reviews(lake)
    blocked = Path(attempt.location).parent
    blocked.parent.mkdir(parents=True)
    blocked.write_text("a file where a folder should be")

    with pytest.raises(JobFailed, match=r"stage/.*(not a directory|Mkdirs failed)"):
        run_alone(attempt, reviews)


def test_the_jvm_listens_on_loopback_only(lake, spark_run):
    run_alone(begin(lake), given_reviews(lake))

    [driver] = drivers_at(spark_run)
    ports = [port for child in driver.children() for port in child.net_connections() if port.status == "LISTEN"]
    assert {port.laddr.ip.removeprefix("::ffff:") for port in ports} == {"127.0.0.1"}


def test_others_cannot_reach_the_driver(spark_run):
    assert spark_run.stat().st_mode & 0o077 == 0


def test_a_driver_whose_jvm_died_is_replaced(lake, slow_line, spark_run):
    reviews = given_reviews(lake)
    run_alone(begin(lake), reviews)
    [driver] = drivers_at(spark_run)
    [jvm] = driver.children()
    jvm.kill()

    driver.wait(10)
    run_alone(begin(lake), reviews)

    assert drivers_at(spark_run) != [driver]
