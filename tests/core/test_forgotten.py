"""A run that stood still until the scheduler had forgotten it goes on with what is left, and sees what others made."""

from __future__ import annotations

import luigi
import pytest
from luigi.execution_summary import LuigiStatusCode
from luigi.interface import _WorkerSchedulerFactory
from luigi.scheduler import Scheduler
from luigi.worker import DONE

from pipeline.core import run

made: list[str] = []


class Scheduling(_WorkerSchedulerFactory):
    """A scheduler that forgets, when it is told to, whoever does not call at that moment."""

    def __init__(self) -> None:
        self.scheduler = Scheduler(worker_disconnect_delay=0)

    def create_local_scheduler(self) -> Scheduler:
        return self.scheduler


class Frozen(luigi.Task):
    """What a run is at when it is forgotten; others make what follows meanwhile."""

    def complete(self) -> bool:
        return "frozen" in made

    def run(self) -> None:
        scheduling.scheduler.prune()
        made.extend([*meanwhile, "frozen"])


class Next(luigi.Task):
    """What comes after it."""

    def requires(self) -> luigi.Task:
        return Frozen()

    def complete(self) -> bool:
        return "next" in made

    def run(self) -> None:
        made.append("next")


class Last(luigi.Task):
    """What the run was started for."""

    def requires(self) -> luigi.Task:
        return Next()

    def complete(self) -> bool:
        return "last" in made

    def run(self) -> None:
        made.append("last")


scheduling: Scheduling
meanwhile: list[str] = []


@pytest.fixture(autouse=True)
def forgetful(settings, tmp_path, monkeypatch):
    global scheduling
    settings("lake", "root", str(tmp_path / "lake"))
    settings("log", "file", str(tmp_path / "log/lakeshift.log"))
    scheduling = Scheduling()
    made.clear()
    meanwhile.clear()
    run.install()
    monkeypatch.setattr(run, "open_file", lambda path: None)


def build():
    return luigi.build([Last()], worker_scheduler_factory=scheduling, local_scheduler=True, detailed_summary=True)


def names(result, was_due):
    return [one.task.task_family for one in result.worker.summary.select(DONE, was_due)]


def test_what_is_left_is_made():
    result = build()

    assert (result.status, made) == (LuigiStatusCode.SUCCESS, ["frozen", "next", "last"])
    assert names(result, was_due=True) == ["Frozen", "Next", "Last"]


@pytest.mark.parametrize("there", [["next"], ["next", "last"]])
def test_what_others_made_meanwhile_is_there(there):
    meanwhile.extend(there)

    result = build()

    assert (result.status, sorted(made)) == (LuigiStatusCode.SUCCESS, ["frozen", "last", "next"])
    assert len(names(result, was_due=False)) == len(there)
