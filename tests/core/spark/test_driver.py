"""A driver ends with its run, and starts only where there is Java."""

import multiprocessing
import os
import shutil
import subprocess
from pathlib import Path

import psutil
import pytest
from processes import drivers_at, wait_until

from emr.steps import JobLine
from pipeline.core.errors import JobFailed
from pipeline.core.runtime import runtime_folder
from pipeline.core.spark import client, java

FORK = multiprocessing.get_context("fork")
LINE = JobLine("spark_jobs.classified_movie_review", ())


class Silence:
    def progress(self, percent):
        pass

    def tracking_url(self, url):
        pass


@pytest.fixture
def run(monkeypatch):
    """The process of a run that is not this one's; the environment says that this process works for it."""
    with subprocess.Popen(["sleep", "600"]) as process:
        folder = runtime_folder() / f"run-{process.pid}-1"
        monkeypatch.setenv(client.RUN_FOLDER, str(folder))
        yield process
        process.kill()
    shutil.rmtree(folder, ignore_errors=True)


def test_workers_that_start_a_driver_at_once_start_one(run):
    workers = [FORK.Process(target=client.prewarm) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()

    assert [worker.exitcode for worker in workers] == [0] * 4
    [driver] = drivers_at(client.run_folder())
    # A signal to the terminal's processes is for the run to pass on, or not.
    assert os.getsid(driver.pid) != os.getsid(0)


def test_a_driver_ends_with_its_run_and_takes_the_jvm_along(run):
    client.prewarm()
    folder = client.run_folder()
    [driver] = drivers_at(folder)
    wait_until(driver.children)
    children = driver.children(recursive=True)

    run.kill()
    run.wait()

    wait_until(lambda: not folder.exists())
    assert psutil.wait_procs([driver, *children], timeout=15)[1] == []


def test_without_java_a_job_fails_and_says_how_to_get_it(run, monkeypatch):
    monkeypatch.setenv("PATH", "")
    monkeypatch.delenv("JAVA_HOME", raising=False)

    with pytest.raises(JobFailed, match=r"the day: Spark needs Java 17 or newer: install it .* or set JAVA_HOME"):
        client.drive(LINE, "the day", Silence())

    client.stop_driver(client.run_folder())


def test_a_java_that_does_not_start_is_named(run, monkeypatch, tmp_path):
    given_java(tmp_path / "java-8", "echo this is Java 8 >&2; exit 1")
    monkeypatch.setenv("JAVA_HOME", str(tmp_path / "java-8"))

    with pytest.raises(JobFailed, match=r"does not start on .*/java-8/bin/java: .*Is it Java 17"):
        client.drive(LINE, "the day", Silence())

    client.stop_driver(client.run_folder())


def test_a_driver_that_is_not_there_needs_no_stop(tmp_path):
    client.stop_driver(tmp_path)

    assert list(tmp_path.iterdir()) == []


def test_a_run_that_has_no_folder_yet_is_this_process(monkeypatch, spark_run):
    monkeypatch.delenv(client.RUN_FOLDER, raising=False)

    assert client.run_folder().name.startswith(f"run-{os.getpid()}-")
    assert client.run_folder() == client.run_folder()


def test_a_job_that_exits_fails_alone(spark_run):
    with pytest.raises(JobFailed, match="the day: SystemExit: 2"):
        client.drive(LINE, "the day", Silence())

    assert drivers_at(spark_run)


def test_without_an_archive_the_jvm_starts_as_it_is(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))

    assert java.java_options() == ""


def test_an_archive_that_was_made_is_used(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    java.archive_file().parent.mkdir()
    java.archive_file().touch()

    assert java.java_options() == f'-Xshare:auto "-XX:SharedArchiveFile={java.archive_file()}"'


def test_another_java_has_an_archive_of_its_own(monkeypatch, tmp_path):
    before = java.archive_file()
    given_java(tmp_path, "exit 0")

    monkeypatch.setenv("JAVA_HOME", str(tmp_path))

    assert java.archive_file() != before


def test_a_java_that_makes_no_archive_is_named_and_leaves_nothing(monkeypatch, tmp_path):
    given_java(tmp_path, "exit 1")
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))

    with pytest.raises(JobFailed, match="bin/java made no archive"):
        java.make_archive()

    assert [path for path in (tmp_path / "cache").rglob("*") if path.is_file()] == []


@pytest.mark.faults
def test_an_archive_is_made_and_mapped_and_a_broken_one_is_passed_over(run, monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "a cache"))
    # A JVM that dies leaves its report in the working folder.
    monkeypatch.chdir(tmp_path)
    path = java.make_archive()
    assert path.stat().st_size > 50_000_000

    assert str(path) in mapped_by_jvm()

    os.truncate(path, path.stat().st_size // 2)
    assert str(path) not in mapped_by_jvm()


def mapped_by_jvm():
    """Return the files that the JVM of a new driver has mapped when it takes jobs."""
    with pytest.raises(JobFailed, match="SystemExit: 2"):
        client.drive(LINE, "the day", Silence())
    folder = client.run_folder()
    [driver] = drivers_at(folder)
    [jvm] = driver.children()
    found = {one.path for one in jvm.memory_maps()}
    client.stop_driver(folder)
    psutil.wait_procs([driver, jvm], timeout=15)
    return found


def given_java(home: Path, script: str) -> None:
    program = home / "bin/java"
    program.parent.mkdir(parents=True)
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
