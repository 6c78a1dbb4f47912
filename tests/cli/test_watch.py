"""`lakeshift watch` has the days run that markers ask for, each by a process of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from processes import wait_until
from project import ROOT

from pipeline.core.claims import Claim, Claims
from pipeline.core.embedded.processes import living
from pipeline.core.store.local import LocalStore

SCRIPT = ROOT / "tests/watched/watched_day.py"
MARKER = "2017-11-10.SUCCESS"
SETTINGS = "[retcode]\ntask_failed = 30\n[log]\nfile = log/lakeshift.log\n"


class Place:
    """A monitored folder of a pipeline that does what the folder says, and the watchers of it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.started: list[subprocess.Popen] = []
        (folder / "test.cfg").write_text(SETTINGS)

    def put(self, *names: str) -> None:
        for name in names:
            (self.folder / name).touch()

    def start(self, *options: str) -> subprocess.Popen:
        environment = os.environ | {
            "WATCHED_FOLDER": str(self.folder),
            "LUIGI_CONFIG_PATH": str(self.folder / "test.cfg"),
            "PYTHONPATH": os.pathsep.join([str(ROOT), str(SCRIPT.parent)]),
        }
        line = [sys.executable, str(SCRIPT), "watch", "watched_day", "--local-scheduler", *options]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
        self.started.append(subprocess.Popen(line, cwd=self.folder, env=environment, **pipes))
        return self.started[-1]

    def run(self, *options: str) -> tuple[int, list[str]]:
        """Return the exit code of one look, and what was said of markers."""
        return self.end_of(self.start("--once", *options))

    def end_of(self, process: subprocess.Popen) -> tuple[int, list[str]]:
        output, _ = process.communicate(timeout=60)
        return process.returncode, [line for line in output.splitlines() if line.startswith(MARKER)]

    def runs(self) -> list[int]:
        """Return the processes of the runs so far."""
        path = self.folder / "runs"
        return [int(line.split()[1]) for line in path.read_text().splitlines()] if path.exists() else []

    def has_done(self) -> bool:
        return (self.folder / "2017-11-10.done").exists()

    def claim(self) -> Claim | None:
        held = Claims(LocalStore(str(self.folder)), "watched_day").read(date(2017, 11, 10))
        return held.claim if held else None


@pytest.fixture
def place(tmp_path) -> Iterator[Place]:
    place = Place(tmp_path)
    yield place
    (tmp_path / "hold").unlink(missing_ok=True)
    for process in place.started:
        process.kill()
        process.communicate()


def test_a_marker_has_its_day_run_once(place):
    place.put(MARKER)

    first, second = place.run(), place.run()

    assert first == (0, [f"{MARKER}: running WatchedDay of 2017-11-10", f"{MARKER}: WatchedDay of 2017-11-10 is there"])
    assert second == (0, [])
    assert place.has_done() and len(place.runs()) == 1


def test_a_run_that_failed_gives_its_claim_back_and_its_exit_code_on(place):
    place.put(MARKER, "fail")

    code, said = place.run()

    assert (code, place.claim()) == (30, None)
    assert said[-1] == (
        f"{MARKER}: WatchedDay of 2017-11-10 failed with exit code 30. Once that is mended, put the marker again"
    )


def test_the_watch_goes_on_until_a_signal_and_runs_what_comes_meanwhile(place):
    watching = place.start("--every", "1")
    assert "Looking for markers of watched_day in" in watching.stdout.readline()

    place.put(MARKER)
    wait_until(place.has_done)
    wait_until(lambda: place.claim().ended_at)
    watching.send_signal(signal.SIGTERM)

    code, said = place.end_of(watching)

    assert (code, said[-1]) == (143, f"{MARKER}: WatchedDay of 2017-11-10 is there")


@pytest.mark.parametrize(
    ("number", "code"),
    [
        (signal.SIGTERM, 143),
        pytest.param(signal.SIGINT, 130, marks=pytest.mark.faults),
        pytest.param(signal.SIGHUP, 129, marks=pytest.mark.faults),
    ],
)
def test_a_signal_ends_the_run_and_gives_its_claim_back(place, number, code):
    place.put(MARKER, "hold")
    watching = place.start()
    wait_until(place.runs)

    watching.send_signal(number)
    ended = place.end_of(watching)

    assert ended[0] == code
    assert ended[1][-1] == f"{MARKER}: WatchedDay of 2017-11-10 was stopped; whoever looks next runs it"
    assert (place.claim(), living(place.runs()[0])) == (None, None)


@pytest.mark.faults
def test_two_watchers_at_once_make_one_run(place):
    place.put(MARKER, "hold")
    first = place.start("--once")
    wait_until(place.runs)

    second = place.run()
    (place.folder / "hold").unlink()

    assert second[0] == 0 and second[1][0].startswith(f"{MARKER} waits: 2017-11-10 was claimed by process {first.pid}")
    assert place.end_of(first)[0] == 0
    assert len(place.runs()) == 1


@pytest.mark.faults
def test_the_claim_of_a_watcher_that_was_killed_is_taken_over_when_its_run_has_ended(place):
    place.put(MARKER, "hold")
    killed = place.start("--once")
    wait_until(lambda: place.runs() and place.claim().run)
    killed.kill()
    killed.wait()

    meanwhile = place.run()
    os.kill(place.runs()[0], signal.SIGKILL)
    wait_until(lambda: living(place.runs()[0]) is None)
    (place.folder / "hold").unlink()

    assert meanwhile[1][0].startswith(f"{MARKER} waits: 2017-11-10 was claimed by process {killed.pid} of ")
    assert place.run()[0] == 0
    assert place.has_done() and place.claim().ended_at


def test_what_is_not_watched_is_refused_with_what_is(lakeshift):
    done = lakeshift("watch", "user_behaviour")

    assert (done.code, done.err) == (1, "Nothing is watched for user_behaviour. There is: stocks\n")
