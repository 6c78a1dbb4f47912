"""Tasks of days, months and slots for tests of backfills, each a small file in the lake of the settings.

What a folder `bad` in the working folder has a file for fails, by the cause that it holds; `slow` holds seconds.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import ClassVar

import luigi
from luigi.util import requires

from pipeline.core.errors import CheckFailed, SettingError
from pipeline.core.lake import Counts, Dataset, File, Partition, lake
from pipeline.core.targets import LakeTarget
from pipeline.core.tasks.partition import MakingTask

BAD, SLOW, MADE = Path("bad"), Path("slow"), Path("made")


class Small(MakingTask):
    """A partition with one row."""

    dataset: ClassVar[Dataset]

    @property
    def partition(self) -> Partition:
        raise NotImplementedError

    def output(self) -> LakeTarget:
        return LakeTarget(self.dataset, self.partition)

    def make(self) -> str:
        if (bad := BAD / self.partition.value).exists():
            raise CheckFailed(f"{self.output()}: {bad.read_text()}")
        if SLOW.exists():
            time.sleep(float(SLOW.read_text()))
        attempt = lake().begin(self.dataset, self.partition, self.task_id)
        with attempt.open("row.csv") as file:
            file.write(b"1\n")
        attempt.commit([File("row.csv", 2, 1)], Counts(2, 1, 1), {}, (), "test")
        with MADE.open("a") as made:
            made.write(f"{self.partition.value}\n")
        self.rows = {"read": 2, "written": 1, "refused": 1}
        return "wrote 1"


class SmallDay(Small):
    dataset = Dataset("stage", "small_day")
    date = luigi.DateParameter()

    @property
    def partition(self) -> Partition:
        return Partition.of_date(self.date)


@requires(SmallDay)
class DayAfter(Small):
    """What is made of a small day."""

    dataset = Dataset("stage", "day_after")

    @property
    def partition(self) -> Partition:
        return Partition.of_date(self.date)


class SmallMonth(Small):
    dataset = Dataset("stage", "small_month")
    service = luigi.Parameter()
    month = luigi.MonthParameter()

    @property
    def partition(self) -> Partition:
        return Partition("month", f"{self.month:%Y-%m}-{self.service}")


class SmallSlot(Small):
    dataset = Dataset("stage", "small_slot")
    minute = luigi.DateMinuteParameter(interval=5)

    @property
    def partition(self) -> Partition:
        return Partition("minute", f"{self.minute:%Y-%m-%dT%H%M}")


class Unset(SmallDay):
    """What no run can make before a setting is mended."""

    dataset = Dataset("stage", "unset")

    def make(self) -> str:
        raise SettingError(f"[small] feed is not set, as {self.date} needs it.")


class Plain(luigi.Task):
    """A day as stock Luigi has it, which can only be asked about by itself."""

    date = luigi.DateParameter()

    def output(self) -> luigi.LocalTarget:
        return luigi.LocalTarget(f"plain/{self.date}")

    def run(self) -> None:
        with self.output().open("w") as file:
            file.write("1\n")


class Dropped(luigi.ExternalTask):
    """A file that somebody else brings."""

    date = luigi.DateParameter()

    def output(self) -> luigi.LocalTarget:
        return luigi.LocalTarget(f"dropped/{self.date}")


@requires(Dropped)
class DayOfDropped(SmallDay):
    dataset = Dataset("stage", "day_of_dropped")


@requires(SmallDay)
class Unplannable(luigi.Task):
    """A day of which nobody can say whether it is complete."""

    def complete(self) -> bool:
        raise CheckFailed("nobody knows")


def made() -> list[str]:
    """Return which partitions were made, in the order of time."""
    return MADE.read_text().split() if MADE.exists() else []


def given_bad(*values: str, cause: str = "it is bad") -> None:
    BAD.mkdir(exist_ok=True)
    for value in values:
        (BAD / value).write_text(cause)
