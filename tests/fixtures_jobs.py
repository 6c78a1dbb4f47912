"""Jobs for tests of where they run: reviews in a lake, a job that takes its time, and who hears how it goes."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from emr.steps import JobLine
from pipeline.core.lake import Attempt, Dataset, Lake, Partition
from pipeline.core.spark import jobs
from pipeline.core.spark.report import JobReport

JOB = "classified_movie_review"
REVIEWS = "cid,review_str\n1,good\nx,bad\n3,bad\n"


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
