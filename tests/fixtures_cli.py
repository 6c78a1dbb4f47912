"""The `lakeshift` command run in the test's own process, with stores of the test's own."""

from __future__ import annotations

import sys
from dataclasses import dataclass

import pytest

from pipeline.cli import main
from pipeline.core.lake import Counts, Dataset, File, Input, Lake, Partition

DAY = Partition("insert_date", "2010-12-01")
REVIEWS = [Dataset("raw", "movie_review"), Dataset("stage", "classified_movie_review")]


@dataclass
class Done:
    """How a command ended, and what it said."""

    code: int
    out: str
    err: str


@pytest.fixture
def lakeshift(settings, tmp_path, monkeypatch, capsys):
    """Return what runs the command in this process, with stores of the test's own."""
    settings("lake", "root", str(tmp_path / "lake"))
    settings("warehouse", "url", f"duckdb:{tmp_path}/warehouse.duckdb")
    settings("log", "file", str(tmp_path / "log/lakeshift.log"))
    settings("user_behaviour", "review_feed", str(tmp_path / "vendor/movie_review.csv"))

    def run(*arguments: str) -> Done:
        monkeypatch.setattr(sys, "argv", ["lakeshift", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        return Done(ended.value.code, *capsys.readouterr())

    return run


@pytest.fixture
def seeded(lakeshift, settings, database_url):
    settings("database", "url", database_url)
    return lakeshift


def commit(lake: Lake, dataset: Dataset, *inputs: Input) -> None:
    attempt = lake.begin(dataset, DAY, "test")
    with attempt.open("part-0000.csv") as stream:
        stream.write(b"cid\n")
    attempt.commit([File("part-0000.csv", 4, 0)], Counts(0, 0, 0), {"cid": "string"}, inputs, "test")
