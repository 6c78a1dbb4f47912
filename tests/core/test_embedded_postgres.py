"""The embedded PostgreSQL: there when it is needed, whoever started it and however it ended."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import psycopg2
import pytest
from processes import wait_until
from psycopg2 import extensions

from pipeline.core.embedded import start_postgres, stop_postgres
from pipeline.core.errors import SourceUnavailable

START = "import sys; from pipeline.core.embedded import start_postgres; print(start_postgres(sys.argv[1]))"


@pytest.fixture
def new_data():
    """Return a place for the files of a server that is stopped after the test."""
    folder = Path(tempfile.mkdtemp(prefix="lakeshift-test-"))
    yield folder / "postgres"
    stop_postgres(folder / "postgres")
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def made_data():
    folder = Path(tempfile.mkdtemp(prefix="lakeshift-test-"))
    start_postgres(folder / "postgres")
    yield folder / "postgres"
    shutil.rmtree(folder)


@pytest.fixture
def data(made_data):
    """Return the files of a server that is not running, and is stopped after the test."""
    stop_postgres(made_data)
    yield made_data
    stop_postgres(made_data)


def ask(url, sql="SELECT 1"):
    connection = psycopg2.connect(url)
    try:
        cursor = connection.cursor()
        cursor.execute(sql)
        connection.commit()
        return cursor.fetchone() if cursor.description else None
    finally:
        connection.close()


def server_pid(data):
    return int((data / "postmaster.pid").read_text().splitlines()[0])


def kill(data):
    server = psutil.Process(server_pid(data))
    server.kill()
    server.wait()


def socket_folder(url):
    return Path(extensions.parse_dsn(url)["host"])


def test_a_server_is_made_once_and_then_found(new_data):
    url = start_postgres(new_data)
    pid = server_pid(new_data)

    assert start_postgres(str(new_data)) == url
    assert server_pid(new_data) == pid
    assert ask(url, "SELECT current_setting('server_encoding'), current_setting('TimeZone')") == ("UTF8", "UTC")


def test_a_server_keeps_its_rows_when_it_is_stopped_and_started(data):
    ask(start_postgres(data), "CREATE TABLE kept AS SELECT 7 AS a")

    was_running = stop_postgres(data)
    pid_file_is_there = (data / "postmaster.pid").exists()

    assert (was_running, pid_file_is_there) == (True, False)
    assert not stop_postgres(data)
    assert ask(start_postgres(data), "SELECT a FROM kept") == (7,)


def test_a_server_outlives_the_process_that_started_it(data):
    done = subprocess.run([sys.executable, "-c", START, data], capture_output=True, text=True, check=True, timeout=60)

    assert ask(done.stdout.strip()) == (1,)


def test_a_server_started_in_a_fork_outlives_it(data):
    child = os.fork()
    if child == 0:
        start_postgres(data)
        os._exit(0)
    os.waitpid(child, 0)
    pid = server_pid(data)

    assert ask(start_postgres(data)) == (1,)
    assert server_pid(data) == pid


def test_processes_that_start_a_server_at_once_get_the_same_one(new_data):
    command = [sys.executable, "-c", START, new_data]
    starting = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(3)]

    urls = {process.communicate(timeout=60)[0].strip() for process in starting}

    assert urls == {start_postgres(new_data)}


def test_a_server_that_was_killed_comes_back_with_what_was_committed(data):
    ask(start_postgres(data), "CREATE TABLE recovered AS SELECT 7 AS a")
    kill(data)

    assert ask(start_postgres(data), "SELECT a FROM recovered") == (7,)


def test_a_query_that_outlives_a_killed_server_does_not_keep_it_from_starting(data):
    url = start_postgres(data)
    with ThreadPoolExecutor() as pool:
        query = pool.submit(ask, url, "SELECT count(*) FROM pg_proc a, pg_proc b, pg_proc c")
        while ask(url, "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%pg_proc a%' AND state = 'active'") != (
            2,
        ):
            time.sleep(0.05)
        kill(data)

        assert ask(start_postgres(data)) == (1,)
        assert isinstance(query.exception(), psycopg2.OperationalError)


def leave_files_of(pid, data):
    """Leave what a server leaves that was killed."""
    folder = socket_folder(start_postgres(data))
    stop_postgres(data)
    lines = [str(pid), str(data), "1", "5432", str(folder), "", "1 1", "ready"]
    (data / "postmaster.pid").write_text("\n".join(lines) + "\n")
    folder.mkdir(mode=0o700)
    (folder / ".s.PGSQL.5432.lock").write_text("\n".join(lines[:5]) + "\n")


def test_a_number_that_another_program_has_by_now_does_not_keep_a_server_from_starting(data):
    leave_files_of(os.getppid(), data)

    assert ask(start_postgres(data)) == (1,)


def test_a_killed_server_that_nobody_has_reaped_yet_does_not_keep_another_from_starting(data):
    with subprocess.Popen(["true"], user=data.stat().st_uid) as dead:
        wait_until(lambda: psutil.Process(dead.pid).status() == psutil.STATUS_ZOMBIE, 20)
        leave_files_of(dead.pid, data)

        assert ask(start_postgres(data)) == (1,)


def test_a_server_whose_socket_was_cleared_away_is_started_again(data):
    shutil.rmtree(socket_folder(start_postgres(data)))

    assert ask(start_postgres(data)) == (1,)


def test_what_a_killed_first_start_left_is_made_anew(new_data):
    unfinished = new_data.with_name("postgres.unfinished")
    unfinished.mkdir()
    (unfinished / "PG_VERSION").write_text("18\n")

    assert ask(start_postgres(new_data)) == (1,)
    assert not unfinished.exists()


def test_a_server_whose_files_lie_deep_can_be_reached(new_data):
    deep = new_data.parent / ("long" * 20) / ("name" * 20) / "postgres"

    url = start_postgres(deep)

    try:
        assert ask(url) == (1,)
    finally:
        stop_postgres(deep)


def test_the_variables_of_another_server_do_not_disturb(data, monkeypatch):
    another = {"PGDATA": "/nowhere", "PGPORT": "1", "PGHOST": "nowhere", "PGUSER": "nobody", "PGDATABASE": "nothing"}
    for name, value in another.items():
        monkeypatch.setenv(name, value)

    assert ask(start_postgres(data)) == (1,)


def test_a_stopped_server_leaves_nothing_outside_its_folder(data):
    folder = socket_folder(start_postgres(data))

    stop_postgres(data)

    assert not folder.exists()


def test_only_its_user_can_get_to_a_server(data):
    folder = socket_folder(start_postgres(data))

    assert folder.stat().st_mode & 0o077 == 0
    assert data.stat().st_mode & 0o077 == 0


def test_a_server_that_does_not_start_says_why_in_one_line(new_data):
    start_postgres(new_data)
    stop_postgres(new_data)
    (new_data / "postgresql.auto.conf").write_text("no_such_setting = 1\n")

    with pytest.raises(SourceUnavailable) as caught:
        start_postgres(new_data)

    assert "contains errors" in str(caught.value)
    assert str(new_data / "postgres.log") in str(caught.value)
