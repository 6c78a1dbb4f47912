"""A server that goes, a disk that is full: the run is told of once, and the table is the old one or the new one."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from contextlib import suppress
from datetime import date, timedelta
from pathlib import Path

import psutil
import pytest
from fixtures_stocks import NEXT_DAY, OLD, loaded, stocks  # noqa: F401
from processes import wait_until

from pipeline.core.database import database
from pipeline.core.embedded import start_postgres, stop_postgres


@pytest.mark.faults
def test_a_copy_whose_session_is_killed_is_made_again_in_the_same_run(loaded):  # noqa: F811
    with loaded.held("during the copy", NEXT_DAY) as held:
        [pid] = loaded.sessions("query LIKE 'COPY%%'")
        os.kill(pid, signal.SIGKILL)
        done = held.go()

    assert done.code == 0, done.output
    assert loaded.table() == loaded.expected("a.us.csv")
    assert loaded.told() == ["Success"]


@pytest.fixture
def server():
    """Return the folder of a PostgreSQL of the test's own, which may be stopped."""
    # Not below pytest's own, which the server's user cannot enter.
    folder = Path(tempfile.mkdtemp(prefix="lakeshift-test-"))
    yield folder / "postgres"
    stop_postgres(folder / "postgres")
    shutil.rmtree(folder)


@pytest.fixture
def own_server(stocks, server):  # noqa: F811
    stocks.project.set("database", url="embedded", data=str(server))
    with stocks.project.in_force():
        database().migrate()
    stocks.drop.put("a.us.csv", *OLD)
    stocks.drop.list("a.us.csv")
    return stocks


@pytest.mark.faults
@pytest.mark.parametrize("is_back", [True, False], ids=["is restarted", "is gone"])
def test_a_load_outlives_a_server_that(own_server, server, is_back):
    with own_server.held("during the copy") as held:
        stop_postgres(server)
        if is_back:
            start_postgres(server)
        done = held.go()
    told = own_server.told()

    again = own_server.run()

    assert (done.code, told) == ((0, ["Success"]) if is_back else (30, ["Failure"])), done.output
    assert again.code == 0, again.output
    assert own_server.table() == own_server.expected("a.us.csv")
    assert own_server.told() == ([] if is_back else ["Success"])


def kill_server(folder: Path) -> None:
    """Let a server die as if the power failed."""
    [postmaster] = [one for one in psutil.process_iter(["cmdline"]) if str(folder) in (one.info["cmdline"] or ())]
    postmaster.suspend()
    dying = [*postmaster.children(recursive=True), postmaster]
    for process in dying:
        process.kill()
    psutil.wait_procs(dying, 10)


@pytest.mark.faults
def test_what_was_loaded_is_there_when_the_server_was_killed(own_server, server):
    with own_server.held("during the copy") as held:
        kill_server(server)
        start_postgres(server)
        done = held.go()
    kill_server(server)

    again = own_server.run()

    assert done.code == 0, done.output
    assert again.output.startswith("Nothing to do"), again.output
    assert own_server.table() == own_server.expected("a.us.csv")
    assert own_server.told() == ["Success"]


# The quotes have the file copied before it is read, and so fill $TMPDIR.
MANY = [f'"2017-11-08",10,12,9.5,11,{number},0' for number in range(30_000)]


@pytest.fixture
def small_disk(tmp_path):
    """Return what has a command see a small file system at a folder, which is gone with it."""
    mount = 'mount -t tmpfs -o size=300k none "$0" && exec "$@"'
    # Root needs no name space of its own for users, in which it could not reach the server's socket.
    way = ("unshare", "-rm" if os.getuid() else "-m", "sh", "-c", mount)
    if not shutil.which("unshare") or subprocess.run([*way, tmp_path, "true"], check=False).returncode:
        pytest.skip("no file system can be mounted here")
    return lambda folder, command: (*way, str(folder), *command)


@pytest.mark.faults
@pytest.mark.parametrize("folder", ["lake", "stocks/Output", "scratch"])
def test_a_full_disk_fails_the_run_in_one_line_and_spoils_nothing(loaded, small_disk, folder):  # noqa: F811
    old, full = loaded.table(), loaded.project.folder / folder
    full.mkdir(exist_ok=True)
    loaded.project.environment["TMPDIR"] = str(loaded.project.folder / "scratch")
    (loaded.project.folder / "scratch").mkdir(exist_ok=True)
    loaded.drop.put("a.us.csv", *MANY)

    done = loaded.project.run(*small_disk(full, loaded.command(NEXT_DAY)))
    between, told = loaded.table(), loaded.told()
    again = loaded.run(NEXT_DAY)

    assert (done.code, between, told) == (30, old, ["Failure"]), done.output
    [line] = [line for line in done.lines if "FAILED" in line]
    assert f"{full}" in line
    assert "No space left on device" in line
    assert "Mend that and run it again." in line
    assert (again.code, loaded.told()) == (0, ["Success"]), again.output
    assert loaded.table() == loaded.expected("a.us.csv")


@pytest.fixture
def small_server(server):
    """Return the URL of a PostgreSQL on a small file system, and where that can be seen."""
    if os.getuid():
        pytest.skip("only root can have a server on a file system of its own")
    server.parent.chmod(0o755)
    mount = 'mount -t tmpfs -o size=100m none "$0" && exec "$@"'
    start = "import sys; from pipeline.core.embedded import start_postgres; print(start_postgres(sys.argv[1]))"
    way = ("unshare", "-m", "sh", "-c", mount, str(server.parent), sys.executable, "-c", start, str(server))
    url = subprocess.run(way, check=True, capture_output=True, text=True).stdout.strip()
    [pid] = [one.pid for one in psutil.process_iter(["cmdline"]) if str(server) in (one.info["cmdline"] or ())]
    yield url, Path(f"/proc/{pid}/root{server.parent}")
    os.kill(pid, signal.SIGINT)
    wait_until(lambda: not psutil.pid_exists(pid))


def fill(disk: Path) -> Path:
    """Write a file until nothing more can be written, and return it."""
    with (disk / "filler").open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(bytes(1 << 16))
    return disk / "filler"


@pytest.mark.faults
def test_a_full_disk_of_the_server_fails_the_run_in_one_line_and_spoils_nothing(stocks, small_server):  # noqa: F811
    url, disk = small_server
    stocks.project.set("database", url=url)
    with stocks.project.in_force():
        database().migrate()
    stocks.drop.put("a.us.csv", *MANY)
    stocks.drop.list("a.us.csv")
    filler = fill(disk)

    done = stocks.run()
    told = stocks.told()
    filler.unlink()
    again = stocks.run()

    assert (done.code, told) == (30, ["Failure"]), done.output
    [line] = [line for line in done.lines if "FAILED" in line]
    assert "No space left on device" in line
    assert (again.code, stocks.told()) == (0, ["Success"]), again.output
    assert stocks.table() == stocks.expected("a.us.csv")


# A process of its own, since a child's peak is never said to be below that of the process that started it.
PEAK = """
import resource, subprocess, sys
code = subprocess.run(sys.argv[1:]).returncode
peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
print(f"peak {peak}")
sys.exit(code)
"""


@pytest.mark.faults
def test_a_file_of_200_megabytes_is_loaded_in_less_than_a_gigabyte_of_memory(stocks):  # noqa: F811
    days = (date(2000, 1, 1) + timedelta(number) for number in range(5_000))
    block = "".join(f"{day},10.25,12,9.5,11.125,1000000,0\r\n" for day in days).encode()
    times = 200_000_000 // len(block) + 1
    stocks.drop.put("a.us.csv")
    with (stocks.drop.folder / "Stocks/a.us.csv").open("ab") as file:
        file.writelines([block] * times)
    stocks.drop.list("a.us.csv")

    done = stocks.project.run(sys.executable, "-c", PEAK, *stocks.command())

    assert done.code == 0, done.output
    assert int(done.lines[-1].removeprefix("peak ")) < 1_000_000_000
    [(count, volume)] = stocks.table("count(*), sum(volume_traded)::bigint", "")
    assert (count, volume) == (5_000 * times, 5_000_000_000 * times)
