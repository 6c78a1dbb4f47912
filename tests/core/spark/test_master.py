"""Jobs on a master of Spark's own, with workers that are other processes."""

from __future__ import annotations

import multiprocessing
import os
import shutil
import subprocess
import time
from contextlib import contextmanager
from pathlib import Path

import pytest
from fixtures_jobs import Heard, application_at, begin, given_reviews, jobs_at, of_application, run_alone
from fixtures_s3 import REGION, free_port, new_bucket
from fixtures_settings import settings_file
from fixtures_spark_master import running_master
from processes import drivers_at, wait_until

from pipeline.core import config
from pipeline.core.errors import JobFailed, SettingError
from pipeline.core.lake import Counts, Lake
from pipeline.core.runtime import runtime_folder
from pipeline.core.spark import client, master
from pipeline.core.store.local import LocalStore
from pipeline.core.store.s3 import S3Store

TESTS = Path(__file__).parents[2]
FORK = multiprocessing.get_context("fork")


@contextmanager
def run_on(spark_master, folder, **more):
    """Have a run whose jobs go to a master, until the end of the block."""
    folder.mkdir(exist_ok=True)
    settings = {"master": spark_master.url, "ui_port": "0", "wait_seconds": "60", **more}
    lines = "\n".join(f"{name} = {value}" for name, value in settings.items())
    (folder / "test.cfg").write_text(f"[log]\nfile = lakeshift.log\n[jobs]\n{lines}\n")
    run = runtime_folder() / f"run-{os.getpid()}-{folder.name}"
    with pytest.MonkeyPatch.context() as patch, settings_file(folder / "test.cfg"):
        patch.setenv(client.RUN_FOLDER, str(run))
        patch.setenv("PYTHONPATH", str(TESTS), prepend=os.pathsep)
        try:
            yield run
        finally:
            client.stop_driver(run)
            shutil.rmtree(run, ignore_errors=True)


@pytest.fixture(scope="module")
def run(spark_master, tmp_path_factory):
    """A run that has the whole cluster."""
    with run_on(spark_master, tmp_path_factory.mktemp("run")) as folder:
        yield folder


@pytest.fixture
def lake(tmp_path):
    return Lake(LocalStore(str(tmp_path / "lake")))


def drive(line, urls):
    class Url(Heard):
        def tracking_url(self, url):
            urls.put(url)

    client.drive(line, "slow", Url())


def executors(url):
    """Return the executors of a run's application."""
    return [one for one in of_application(url, "executors") if one["id"] != "driver"]


def test_a_job_writes_below_its_attempt_and_reports_what(run, lake):
    attempt, heard = begin(lake), Heard()

    report = run_alone(attempt, given_reviews(lake), heard)

    assert report.rows == Counts(read=3, written=2, refused=1)
    assert [Path(attempt.location, file.name).stat().st_size for file in report.files] == [report.files[0].bytes]
    assert of_application(heard.urls[0], "environment") and heard.percents[-1] == 100


@pytest.mark.faults
def test_two_dates_of_a_run_are_at_work_at_once_each_on_a_worker(run, slow_line):
    lines = [slow_line(8, "first"), slow_line(8, "second")]
    urls = FORK.Queue()
    workers = [FORK.Process(target=drive, args=(line, urls)) for line in lines]
    for worker in workers:
        worker.start()
    url = urls.get(timeout=60)

    wait_until(lambda: len(jobs_at(url, "running")) == 2)
    wait_until(lambda: [one["completedTasks"] > 0 for one in executors(url)] == [True, True], 60)

    for worker in workers:
        worker.join()
    assert [worker.exitcode for worker in workers] == [0, 0]
    assert len(drivers_at(run)) == 1


@pytest.mark.faults
def test_a_job_whose_worker_dies_is_finished_by_the_other(run, slow_line, spark_master):
    class Killer(Heard):
        def progress(self, percent):
            if percent > 20 and not self.percents:
                spark_master.end_worker(spark_master.processes[1])
                self.percents.append(percent)

    heard = Killer()
    line = slow_line(12)

    client.drive(line, "slow", heard)

    assert heard.percents
    assert list(Path(line.arguments[line.arguments.index("--output") + 1]).rglob("*.parquet"))
    spark_master.start_worker()
    wait_until(lambda: len(executors(heard.urls[0])) == 2, 60)


def test_copies_of_a_lake_in_s3_lie_where_the_workers_see_them(run, ministack, tmp_path, settings):
    class Looker(Heard):
        def tracking_url(self, url):
            self.urls += [str(path.relative_to(tmp_path)) for path in tmp_path.glob("*/input/*/*.csv")]

    settings("jobs", "scratch", str(tmp_path))
    lake = Lake(S3Store(f"{new_bucket(ministack)}/some/prefix", ministack, REGION))
    heard = Looker()

    report = run_alone(begin(lake), given_reviews(lake), heard)

    assert report.rows == Counts(read=3, written=2, refused=1)
    assert len(heard.urls) == 1 and heard.urls[0].startswith("lakeshift-job-")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.faults
def test_a_run_that_finds_every_core_taken_says_so_in_one_line(run, spark_master, lake, tmp_path):
    client.prewarm()
    wait_until(lambda: [one["cores"] for one in spark_master.applications()] == [2])
    attempt = begin(lake)
    reviews = given_reviews(lake)

    with run_on(spark_master, tmp_path / "second", wait_seconds="2"), pytest.raises(JobFailed) as failed:
        run_alone(attempt, reviews)

    assert f"{attempt.partition}: the Spark master at {spark_master.url} gave no executor of 1g for 3 s" in str(
        failed.value
    )
    assert "[jobs] executor_memory, cores, wait_seconds" in str(failed.value)
    assert not Path(attempt.location).exists()


@pytest.mark.faults
def test_an_application_that_was_ended_is_named_and_the_next_job_has_a_new_one(run, spark_master, lake, slow_line):
    class Ender(Heard):
        def progress(self, percent):
            if not self.percents:
                wait_until(lambda: executors(self.urls[0]), 60)
                # The master may still list that of a run which has ended.
                spark_master.end_application(application_at(self.urls[0]))
            self.percents.append(percent)

    with pytest.raises(JobFailed, match=r"the day: the Spark master at spark://.* ended the application"):
        client.drive(slow_line(60), "the day", Ender())

    [driver] = drivers_at(run)
    driver.wait(30)
    assert run_alone(begin(lake), given_reviews(lake)).rows == Counts(3, 2, 1)


@pytest.mark.faults
@pytest.mark.parametrize("unseen", ["raw", "stage"])
def test_workers_that_do_not_see_the_lake_are_named_and_nothing_is_taken_for_written(lake, tmp_path, unseen):
    reviews, attempt = given_reviews(lake), begin(lake)
    hidden = tmp_path / "lake" / unseen
    hidden.mkdir(exist_ok=True)

    with running_master(tmp_path) as blind, run_on(blind, tmp_path / "run"):
        blind.start_worker(before=without(hidden))
        with pytest.raises(JobFailed) as failed:
            run_alone(attempt, reviews)

    assert f"All workers of {blind.url} have to see the same files there" in str(failed.value)
    assert ("part-0000.csv does not exist" if unseen == "raw" else "read 3 rows, wrote 0") in str(failed.value)


def without(folder):
    """Return the words before a command that is not to see what is in a folder."""
    command = [
        "unshare",
        "--map-root-user",
        "--mount",
        "sh",
        "-c",
        f'mount -t tmpfs none "{folder}" && exec "$@"',
        "sh",
    ]
    if subprocess.run([*command, "true"], check=False).returncode:
        pytest.skip("this machine lets nobody mount")
    return command


@pytest.mark.faults
def test_a_master_that_is_none_is_named_within_a_minute(spark_master, lake, tmp_path):
    url = f"spark://127.0.0.1:{spark_master.page_port}"

    with run_on(spark_master, tmp_path / "mistyped", master=url), pytest.raises(JobFailed) as failed:
        run_alone(begin(lake), given_reviews(lake))

    assert f"the Spark master at {url} did not take the application. Is it one, of Spark 3" in str(failed.value)


@pytest.mark.faults
def test_a_run_takes_the_cores_that_it_may_and_gives_them_back(run, spark_master, tmp_path):
    client.stop_driver(run)
    with run_on(spark_master, tmp_path / "modest", cores="1"):
        client.prewarm()
        wait_until(lambda: [one["cores"] for one in spark_master.applications()] == [1])

    wait_until(lambda: spark_master.applications() == [])


def test_a_driver_listens_where_its_workers_find_it_and_nowhere_else(run, spark_master):
    client.prewarm()
    wait_until(spark_master.applications)

    [driver] = drivers_at(run)
    ports = [port for child in driver.children() for port in child.net_connections() if port.status == "LISTEN"]

    assert {port.laddr.ip.removeprefix("::ffff:") for port in ports} == {"127.0.0.1"}


def test_a_master_that_is_away_is_named_in_one_line_within_seconds(monkeypatch):
    monkeypatch.setattr(master, "PATIENCE_SECONDS", 1)
    url = f"spark://127.0.0.1:{free_port()}"
    began = time.monotonic()

    with pytest.raises(JobFailed, match=rf"master at {url} does not answer \(Connection refused\): start it, or mend"):
        master.own_address(url)

    assert time.monotonic() - began < 5


def test_where_masters_stand_by_for_each_other_one_that_answers_is_enough(spark_master):
    url = f"spark://127.0.0.1:{free_port()},127.0.0.1:{spark_master.port}"

    assert master.own_address(url) == "127.0.0.1"


def test_threads_of_this_machine_are_reached_on_loopback():
    assert master.own_address("local[*]") == "127.0.0.1"


@pytest.mark.parametrize("wrong", ["spark://host", "spark//host:7077", "local[", "spark://user@host:a"])
def test_a_master_that_spark_would_not_know_is_refused(settings, wrong):
    settings("jobs", "master", wrong)

    with pytest.raises(SettingError, match=r"\[jobs\] master = .*expected local\[\*\], or spark://host:7077"):
        config.check()


def test_a_master_with_a_lake_in_s3_needs_a_folder_that_its_workers_see(settings):
    settings("jobs", "master", "spark://host:7077")
    settings("lake", "root", "s3://bucket/lake")

    with pytest.raises(SettingError, match=r"\[jobs\] scratch: .* name a folder that this host and all of its workers"):
        config.check()
