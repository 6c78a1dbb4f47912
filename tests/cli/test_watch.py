"""`lakeshift watch` has the days run that markers ask for, each by a process of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from datetime import datetime

import pytest
from fixtures_watch import MARKER, Place
from processes import wait_until

from pipeline.core.embedded.processes import living


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


def test_with_json_each_thing_that_happens_is_a_line_of_stdout_and_runs_print_elsewhere(place):
    place.put(MARKER, "2017-11-31.SUCCESS")

    out, err = place.start("--once", "--json", stderr=subprocess.PIPE).communicate(timeout=60)

    watching, passed_over, running, made = map(json.loads, out.splitlines())
    assert watching["text"].startswith("Looking for markers of watched_day in")
    assert (passed_over["event"], passed_over["marker"]) == ("passed_over", "2017-11-31.SUCCESS")
    assert (running["event"], running["exit_code"]) == ("running", None)
    about = {"event": "made", "marker": MARKER, "task": "WatchedDay", "date": "2017-11-10", "exit_code": 0}
    assert about.items() <= made.items()
    assert "WatchedDay is running" in err
    assert datetime.fromisoformat(made["at"]) > datetime.fromisoformat(running["at"])


def test_a_claim_that_cannot_be_read_fails_a_single_look(place):
    (place.folder / "_claims/watched_day").mkdir(parents=True)
    (place.folder / "_claims/watched_day/2017-11-10.json").write_text("[]")
    place.put(MARKER)

    code, [said] = place.run()

    assert (code, place.runs()) == (1, [])
    assert said.startswith(f"{MARKER} is left alone: ") and "Look who wrote it, and remove it" in said


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


@pytest.mark.faults
def test_a_day_that_is_run_by_hand_is_left_to_that_and_looked_at_again(place, luigid):
    place.use_scheduler(luigid)
    place.put(MARKER, "hold")
    by_hand = place.start_by_hand()
    wait_until(place.runs)

    at_once = place.run()
    watching = place.start("--every", "1")
    wait_until(lambda: "the next look sees" in watching.stdout.readline())
    (place.folder / "hold").unlink()
    wait_until(lambda: place.claim() and place.claim().ended_at)
    watching.send_signal(signal.SIGTERM)

    assert (at_once[0], len(at_once[1])) == (10, 2)
    assert (by_hand.wait(30), len(place.runs())) == (0, 1)


def test_what_is_not_watched_is_refused_with_what_is(lakeshift):
    done = lakeshift("watch", "user_behaviour")

    assert (done.code, done.err) == (1, "Nothing is watched for user_behaviour. There is: stocks\n")
