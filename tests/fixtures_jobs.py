"""Jobs for tests of where they run: reviews in a lake, a job that takes its time, and who hears how it goes."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from emr.steps import JobLine
from pipeline.core.lake import Attempt, Dataset, Lake, Partition
from pipeline.core.spark import jobs
from pipeline.core.spark.report import JobReport

JOB = "classified_movie_review"
REVIEWS = "cid,review_str\n1,good\nx,bad\n3,bad\n"
DAYS = {
    "insert_date=2010-12-01": REVIEWS,
    "insert_date=2010-12-02": "cid,review_str\n",
    "insert_date=2010-12-03": "cid,review_str\n4,good\n",
}
ROWS = {
    "insert_date=2010-12-01": (3, 2, 1),
    "insert_date=2010-12-02": (0, 0, 0),
    "insert_date=2010-12-03": (1, 1, 0),
}


class Heard:
    """A reporter that remembers."""

    def __init__(self) -> None:
        self.percents: list[float] = []
        self.urls: list[str] = []

    def progress(self, percent: float) -> None:
        self.percents.append(percent)

    def tracking_url(self, url: str) -> None:
        self.urls.append(url)


def given_reviews(lake: Lake, text: str = REVIEWS) -> str:
    """Return where some raw reviews lie in the lake."""
    with lake.store.open("raw/movie_review/1/insert_date=2010-12-01/part-0000.csv", "wb") as file:
        file.write(text.encode())
    return lake.store.url("raw/movie_review/1/insert_date=2010-12-01")


def begin(lake: Lake) -> Attempt:
    return lake.begin(Dataset("stage", JOB), Partition("insert_date", "2010-12-01"), "task")


def run_alone(attempt: Attempt, location: str, heard: Heard | None = None) -> JobReport:
    """Return what the job wrote of a partition that it is run for alone."""
    return jobs.run_job(JOB, {attempt: location}, heard or Heard())[attempt]


def given_days(lake: Lake) -> dict[Attempt, str]:
    """Return attempts at several days, and where the raw reviews of each lie; beside one lies what nobody asks for."""
    places = {day: f"raw/movie_review/20261123T00000{number}Z-00000000" for number, day in enumerate(DAYS)}
    for day, folder in places.items():
        assert lake.store.create(f"{folder}/{day}/part-0000.csv", DAYS[day].encode())
        assert lake.store.create(f"{folder}/insert_date=2010-12-09/part-0000.csv", b"no header\n")
    begun = lake.begin_together(Dataset("stage", JOB), {Partition.parse(day): "task" for day in DAYS})
    return {one: lake.store.url(f"{places[str(day)]}/{day}") for day, one in begun.items() if isinstance(one, Attempt)}


def commit_days(reports: Mapping[Attempt, JobReport]) -> dict[str, tuple[int, int, int]]:
    """Commit what a job wrote, and return for each day the rows read, written and refused."""
    for one in reports.values():
        one.attempt.commit(one.files, one.rows, one.schema, (), "1")
    rows = {str(attempt.partition): one.rows for attempt, one in reports.items()}
    return {day: (one.read, one.written, one.refused) for day, one in rows.items()}


@pytest.fixture
def slow_line(tmp_path: Path) -> Callable[..., JobLine]:
    """Return what makes the line of a job that sleeps for some seconds in all."""

    def make(seconds: int, name: str = "slow") -> JobLine:
        folder = tmp_path / name
        day = folder / "insert_date=2010-12-01"
        day.mkdir(parents=True)
        (day / "rows.csv").write_text("milliseconds\n" + f"{seconds * 1000 // 24}\n" * 24)
        places = [(f"--{place}", str(folder / place)) for place in ("output", "refused", "report")]
        places.append(("--input", str(day)))
        return JobLine("slow_job", (*(word for place in places for word in place), "--run-id", name))

    return make


def jobs_at(url: str, status: str) -> list[dict[str, Any]]:
    """Return the jobs of one status, as the Spark UI knows them."""
    return of_application(url, f"jobs?status={status}")


def of_application(url: str, what: str) -> list[dict[str, Any]]:
    """Return what the Spark UI says of its only application."""
    return ask(f"{url}/api/v1/applications/{application_at(url)}/{what}")


def application_at(url: str) -> str:
    """Return the id of the only application of a Spark UI."""
    [application] = ask(f"{url}/api/v1/applications")
    return application["id"]


def ask(url: str) -> Any:
    with urllib.request.urlopen(url, timeout=30) as reply:
        return json.load(reply)
