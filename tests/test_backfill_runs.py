"""Backfills as commands: how they end, and what becomes of them when they are killed, stopped, or run at once."""

from __future__ import annotations

import os
import re
import signal
from pathlib import Path

import psutil
import pytest
from backfill_commands import LUIGI, command, receipts
from backfill_tasks import SmallDay
from processes import wait_until

from pipeline.core.lake import Partition, lake

MONTH = Partition("range", "2010-12-01-2011-01-01")
DECEMBER = command("--range", "2010-12")


@pytest.fixture
def backfills(project):
    """A project whose commands find the tasks of the tests."""
    return with_tasks(project)


def with_tasks(project):
    project.environment["PYTHONPATH"] = os.pathsep.join([str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")])
    return project


def given_bad(project, *values):
    (project.folder / "bad").mkdir()
    for value in values:
        (project.folder / "bad" / value).write_text("it is bad")


def made(project):
    file = project.folder / "made"
    return file.read_text().split() if file.exists() else []


def is_complete(project):
    with project.in_force():
        return list(lake().complete_partitions(receipt_dataset(project))) == [MONTH]


def receipt_dataset(project):
    [manifest] = [one for one in project.manifests() if one.dataset.zone == "backfill"]
    return manifest.dataset


def test_a_backfill_ends_30_while_something_is_missing_and_0_when_it_is_there(backfills):
    given_bad(backfills, "2010-12-05", "2010-12-07")

    failed = backfills.run(*DECEMBER)
    was_complete = is_complete(backfills)
    for bad in (backfills.folder / "bad").iterdir():
        bad.unlink()
    done, again = backfills.run(*DECEMBER), backfills.run(*DECEMBER)

    assert (failed.code, done.code, again.code) == (30, 0, 0), failed.output
    assert (was_complete, is_complete(backfills)) == (False, True)
    assert "2010-12-01 to 2010-12-31 in " in failed.lines[1]
    assert (
        "2 failed, 1 cause: 2 such as SmallDay 2010-12-05: stage/small_day/insert_date=2010-12-05: it is bad"
        in (failed.lines[2])
    )
    assert len(failed.lines) == 4 and "SmallDay 2010-12-07" not in failed.output
    assert again.output.startswith("Nothing to do")


def test_the_console_has_a_line_for_each_window_and_none_for_each_task(backfills):
    done = backfills.run(*command("--range", "2010-12", of="backfill_tasks.DayOfDropped"))

    assert (done.code, len(done.lines)) == (30, 4), done.output
    assert "Data for Dropped(date=2010-12-31) does not exist" in backfills.log


def test_one_message_tells_of_all(backfills):
    given_bad(backfills, "2010-12-05")

    backfills.run(*DECEMBER)

    assert backfills.log.count("_Pipeline_Failure") == 1
    assert "Date: 2010-12-01-2011-01-01" in backfills.log


@pytest.mark.parametrize("options", [("--range", "2010-13"), ("--range", "2010", "--last", "7d"), ()])
def test_a_line_that_makes_no_backfill_ends_40_with_one_line(backfills, options):
    done = backfills.run(*command(*options))

    assert (done.code, len(done.lines)) == (40, 1), done.output


def killed_when(project, count, number=signal.SIGKILL, *options):
    """Return a backfill that is killed once so many partitions are made."""
    (project.folder / "slow").write_text("0.05")
    run = project.start(*DECEMBER, *options)
    wait_until(lambda: len(made(project)) >= count, 60)
    children = psutil.Process(run.pid).children(recursive=True)
    run.send_signal(number)
    output, _ = run.communicate(timeout=60)
    assert psutil.wait_procs(children, timeout=20)[1] == []
    (project.folder / "slow").unlink()
    return run.returncode, output


def test_a_killed_backfill_that_is_started_again_leaves_what_an_undisturbed_one_does(make_project):
    undisturbed, killed = with_tasks(make_project("undisturbed")), with_tasks(make_project("killed"))
    undisturbed.run(*DECEMBER)

    code, _ = killed_when(killed, 10)
    between = receipts(killed)
    done = killed.run(*DECEMBER)

    assert (code, between, done.code) == (-signal.SIGKILL, [], 0)
    assert len(made(killed)) == len(set(made(killed)))
    assert what_stays(killed) == what_stays(undisturbed)


def what_stays(project):
    """Return what all manifests say that does not differ from run to run, and what the receipt adds up to."""
    stay = [(one.dataset, one.partition, one.rows) for one in project.manifests()]
    [receipt] = receipts(project)
    return stay, receipt["expected"], receipt["complete_before"] + receipt["made"], receipt["failures"]


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_stopped_backfill_ends_by_its_signal_and_leaves_no_receipt(backfills, workers):
    code, output = killed_when(backfills, 5, signal.SIGTERM, "--workers", workers)

    assert code == 128 + signal.SIGTERM, output
    assert receipts(backfills) == []
    # Where the signal comes while Python forks, it says so by itself, and the run ends at its next task.
    said = re.sub(r"Exception ignored in.*?Stopped: stopped by SIGTERM\n", "", output, flags=re.DOTALL)
    assert "stopped by SIGTERM" in said and "Traceback" not in said
    assert backfills.run(*DECEMBER).code == 0
    assert len(made(backfills)) == len(set(made(backfills)))


def test_two_backfills_that_overlap_both_end_well(backfills):
    (backfills.folder / "slow").write_text("0.02")
    lines = DECEMBER, command("--range", "2010-12-10-2011-01-10"), DECEMBER

    runs = [backfills.start(*line) for line in lines]
    outputs = [run.communicate(timeout=120)[0] for run in runs]

    assert [run.returncode for run in runs] == [0, 0, 0], outputs
    assert len(made(backfills)) == 40
    with backfills.in_force():
        assert len(lake().complete_partitions(receipt_dataset_of(SmallDay))) == 2
        assert len(lake().complete_partitions(SmallDay.dataset)) == 40


def receipt_dataset_of(kind):
    from pipeline.backfill import Backfill

    return Backfill(of=kind, range="2010").dataset


def test_a_backfill_and_the_nightly_run_at_once_both_end_well(backfills):
    (backfills.folder / "slow").write_text("0.1")
    nightly = (LUIGI, "--module", "backfill_tasks", "SmallDay", "--date", "2010-12-03", "--local-scheduler")

    runs = [backfills.start(*line) for line in (command("--range", "2010-W48"), nightly)]
    outputs = [run.communicate(timeout=120)[0] for run in runs]

    assert [run.returncode for run in runs] == [0, 0], outputs
    assert sorted(set(made(backfills))) == [
        f"2010-{day}" for day in ("11-29", "11-30", *(f"12-0{d}" for d in range(1, 6)))
    ]
