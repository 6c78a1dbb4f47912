"""Tasks that fail when they are told to, and the mail that comes of their runs.

from fixtures_notices import inbox, mail  # noqa: F401
"""

# ruff: noqa: F811 - fixtures

from __future__ import annotations

from datetime import date

import luigi
import pytest
from fixtures_mail import inbox  # noqa: F401

from pipeline.core import killed_runs, logs, run
from pipeline.core.asked import asked_of
from pipeline.core.errors import CheckFailed
from pipeline.core.lake import Partition

FIRST, SECOND = date(2017, 11, 9), date(2017, 11, 10)
SHOP = "postgresql://luigi:hunter2@db/shop"
broken: set[date] = set()
made: set[str] = set()


class Load(luigi.Task):
    """What fails on the days that are broken."""

    date = luigi.DateParameter()

    @property
    def partition(self) -> Partition:
        return Partition.of_date(self.date)

    def complete(self) -> bool:
        return self.task_id in made

    def run(self) -> None:
        if self.date in broken:
            raise CheckFailed(f"Load {self.date}: {SHOP} has no rows. Look at the source.")
        made.add(self.task_id)


class Minibatch(Load):
    """The same, every few minutes."""

    is_minibatch = True


class Outer(Load):
    """A run within a run."""

    def run(self) -> None:
        luigi.build([Load(self.date)], local_scheduler=True)
        super().run()


@pytest.fixture
def mail(inbox, settings, tmp_path, ministack, monkeypatch):
    for key, value in (("sns_topic_arn", inbox.topic), ("project", "2304_Stock_Prices")):
        settings("alerts", key, value)
    settings("lake", "root", str(tmp_path / "lake"))
    settings("log", "file", str(tmp_path / "log/lakeshift.log"))
    monkeypatch.setenv("AWS_ENDPOINT_URL_SNS", ministack)
    monkeypatch.setattr(run, "open_file", lambda path: None)
    # A session of tests that has a Spark driver lends it to every run.
    monkeypatch.delenv(run.client.RUN_FOLDER, raising=False)
    run.install()
    # Not in the middle of a test: pytest would not see what is logged from then on.
    logs.open_console("INFO")
    broken.clear()
    made.clear()
    return inbox


def build(*tasks: luigi.Task, **options: int) -> bool:
    return luigi.build(tasks, local_scheduler=True, **options)


def ends(mail) -> list[str]:
    return [subject.removeprefix("2304_Stock_Prices_Pipeline_") for subject, _ in mail.read()]


def killed_note(task: luigi.Task) -> killed_runs.Note:
    return killed_runs.Note(
        asked_of([task]), "elsewhere/0/effffffc/1d2c 1 1.0", "2017-11-10T22:00:00+00:00", "20171110T220000Z-0123abcd"
    )
