"""The file of the embedded warehouse is opened by one process at a time, and the others wait their turn."""

import multiprocessing
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import duckdb
import pytest
from fixtures_warehouse import DAY, REVIEWS

from pipeline.core.errors import CommitLost, SourceUnavailable
from pipeline.core.etl_load import Load, Part
from pipeline.core.lake import Partition
from pipeline.core.warehouse.embedded import opening
from pipeline.core.warehouse.embedded.opening import opened

TABLE = "public.user_behavior_metric"
PARTITION = Partition.of_date(DAY)
COUNT = f"SELECT count(*) FROM {TABLE}"

LOAD = """
import sys
from pathlib import Path
from pipeline.core.etl_load import Load, Part
from pipeline.core.lake import Partition
from pipeline.core.warehouse.embedded import DuckWarehouse

path, day = sys.argv[1:]
partition = Partition("insert_date", day)
load = Load("public.user_behavior_metric", day, "v", {partition: Part("t")})
with DuckWarehouse(Path(path)).loading(load) as cursor:
    for customer in range(5):
        cursor.execute(
            "INSERT INTO public.user_behavior_metric (customerid, insert_date) VALUES (%(customer)s, %(day)s)",
            {"customer": customer, "day": partition.parameter},
        )
    print("inserted", flush=True)
    if "killed" in path:
        sys.stdin.read()
"""

FULL = """
import resource, signal, sys
from pathlib import Path
from pipeline.core.warehouse.embedded import DuckWarehouse

path = Path(sys.argv[1])
# A file that may not grow fails like one on a full disk.
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size, path.stat().st_size))
with DuckWarehouse(path).transaction() as cursor:
    cursor.execute("INSERT INTO public.etl_load (attempt) VALUES ('a')")
    for _ in range(17):
        cursor.execute("INSERT INTO public.etl_load (attempt) SELECT random() FROM public.etl_load")
"""

HOLD = """
import sys, duckdb
connection = duckdb.connect(sys.argv[1])
print("held", flush=True)
sys.stdin.read()
"""


def started(script, *arguments):
    return subprocess.Popen(
        [sys.executable, "-c", script, *map(str, arguments)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )


@pytest.fixture
def holder(warehouse):
    """A DuckDB shell that somebody has left open on the file."""
    warehouse.query(COUNT)
    with started(HOLD, warehouse.path) as process:
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def test_processes_that_load_at_once_all_load(warehouse):
    days = [f"2010-12-0{number}" for number in range(1, 5)]

    processes = [started(LOAD, warehouse.path, day) for day in days]

    assert [process.communicate()[0] for process in processes] == ["inserted\n"] * 4
    assert warehouse.loaded_partitions(TABLE) == {f"insert_date={day}" for day in days}
    assert warehouse.query(COUNT) == [(20,)]


def test_threads_that_load_the_same_partition_load_it_once(warehouse):
    def load(attempt):
        def write(cursor, _):
            cursor.execute(f"INSERT INTO {TABLE} (insert_date) VALUES (%(day)s)", {"day": DAY})
            time.sleep(0.2)

        with suppress(CommitLost):
            warehouse.load_partition(Load(TABLE, attempt, "v", {PARTITION: Part("t")}), write)
            return attempt

    with ThreadPoolExecutor(3) as threads:
        won = [attempt for attempt in threads.map(load, ["a", "b", "c"]) if attempt]

    assert warehouse.query(COUNT) == [(1,)]
    assert [warehouse.load_state(TABLE, PARTITION).attempt] == won


def test_a_process_that_is_killed_in_a_load_leaves_nothing_and_holds_up_nobody(warehouse):
    warehouse.path = warehouse.path.with_name("killed.duckdb")
    with started(LOAD, warehouse.path, "2010-12-01") as process:
        assert process.stdout.readline() == "inserted\n"
        process.send_signal(signal.SIGKILL)

    assert warehouse.query(COUNT) == [(0,)]
    assert warehouse.loaded_partitions(TABLE) == set()


def test_a_full_disk_fails_the_load_and_leaves_what_was_there(warehouse):
    warehouse.query(COUNT)

    process = subprocess.run([sys.executable, "-c", FULL, str(warehouse.path)], stderr=subprocess.PIPE, text=True)

    assert "SourceUnavailable: The warehouse did not commit" in process.stderr.splitlines()[-1]
    assert warehouse.query("SELECT count(*) FROM public.etl_load") == [(0,)]


def test_who_holds_the_file_is_named_after_the_wait(warehouse, settings, holder):
    settings("warehouse", "wait_seconds", "1")
    began = time.monotonic()

    with pytest.raises(SourceUnavailable, match=f"{warehouse.path} is open in another process, PID {holder.pid}"):
        warehouse.query(COUNT)

    assert 1 <= time.monotonic() - began < 5


def test_a_load_waits_until_a_shell_is_closed(warehouse, holder):
    process = started(LOAD, warehouse.path, "2010-12-01")
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(3)

    holder.communicate()

    assert process.communicate()[0] == "inserted\n"


def test_whoever_waits_for_long_is_told_once_for_what(warehouse, settings, holder, monkeypatch, caplog):
    settings("warehouse", "wait_seconds", "1")
    monkeypatch.setattr(opening, "SPEAK_SECONDS", 0.2)

    with pytest.raises(SourceUnavailable):
        warehouse.query(COUNT)

    [warning] = [record.getMessage() for record in caplog.records if record.name == opening.__name__]
    assert warning.startswith(f"Process {holder.pid} has {warehouse.path} open; waiting for it")


def test_one_of_ours_that_holds_the_file_is_named_too(warehouse, settings):
    warehouse.path = warehouse.path.with_name("killed.duckdb")
    settings("warehouse", "wait_seconds", "1")
    with started(LOAD, warehouse.path, "2010-12-01") as process:
        process.stdout.readline()

        with pytest.raises(SourceUnavailable, match=f"PID {process.pid}"):
            warehouse.query(COUNT)

        process.communicate()


def test_a_child_that_was_forked_meanwhile_holds_up_nobody(warehouse):
    with opened(warehouse.path, 0):
        child = os.fork()
        if not child:
            time.sleep(60)
            os._exit(0)
    try:
        with opened(warehouse.path, 0) as connection:
            assert connection.execute("SELECT 1").fetchall() == [(1,)]
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


def test_forked_workers_use_the_warehouse_that_their_parent_used(warehouse):
    warehouse.query(COUNT)

    with multiprocessing.get_context("fork").Pool(2) as workers:
        found = workers.map(warehouse.query, [COUNT, f"SELECT count(*) FROM {REVIEWS}"])

    assert found == [[(0,)], [(0,)]]


def test_nothing_is_held_between_two_queries(warehouse):
    warehouse.query(COUNT)

    with duckdb.connect(str(warehouse.path)) as client:
        assert client.execute(COUNT).fetchall() == [(0,)]
