"""A small world that agrees with itself, for tests that damage it: two days of user_behaviour, and one of stocks."""

from __future__ import annotations

import datetime
import json
import shutil
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg2
import pyarrow as pa
import pytest
from fixtures_cli import Done
from fixtures_postgres import new_database
from fixtures_stocks import OLD
from fixtures_warehouse import REVIEWS, SCHEMAS
from project import Project
from pyarrow import parquet
from sample import given_a_day
from stock_drop import Drop

from pipeline import stocks, user_behaviour
from pipeline.cli import main
from pipeline.core.lake import Counts, File, Input, Manifest, Partition, lake

DAY, NEXT_DAY = datetime.date(2010, 12, 1), datetime.date(2010, 12, 2)
STOCK_DAY = datetime.date(2017, 11, 10)
DAYS = (DAY, NEXT_DAY)
# What a test may damage, and what the next one finds as it was made.
STATE = ("lake", "stocks", "movie_review.csv", "warehouse.duckdb")


def classify(day: datetime.date) -> None:
    """Commit a day's classified reviews, without Spark."""
    raw, dataset, partition = user_behaviour.MovieReview.dataset, user_behaviour.ClassifiedMovieReview.dataset, of(day)
    read = lake().manifest(raw, partition)
    attempt = lake().begin(dataset, partition, "test")
    reviews = [{"cid": cid, "positive_review": True} for cid in ("13047", "17850")]
    with attempt.open("part-0000.parquet") as file:
        parquet.write_table(pa.Table.from_pylist(reviews, SCHEMAS[REVIEWS]), file)
    files = [File("part-0000.parquet", attempt.size("part-0000.parquet"), 2)]
    source = Input(str(raw), str(partition), read.attempt)
    attempt.commit(files, Counts(2, 2, 0), {"cid": "string"}, [source], "test")


def of(day: datetime.date) -> Partition:
    return Partition.of_date(day)


def make_day_of_metric(day: datetime.date) -> None:
    user_behaviour.MovieReview(date=day).run()
    classify(day)
    make_partitions_and_metric(day)


def make_partitions_and_metric(day: datetime.date) -> None:
    user_behaviour.UserPurchase(date=day).run()
    user_behaviour.UserPurchasePartition(date=day).run()
    user_behaviour.ClassifiedMovieReviewPartition(date=day).run()
    user_behaviour.UserBehaviourMetric(date=day).run()


def make_day_of_stocks(day: datetime.date = STOCK_DAY) -> None:
    for task in (stocks.HistoricalStockData, stocks.PublishedStockData, stocks.HistoricalStocks):
        task(date=day).run()


@pytest.fixture(scope="session")
def made_world(postgres_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Return the folder of a world, which is kept as it was made; its database is the one called made_world."""
    folder = tmp_path_factory.mktemp("audit")
    with new_database(postgres_url, "made_world") as url:
        project = Project(folder, url)
        project.set("stocks", source="stocks")
        project.given_tables()
        given_a_day(project)
        drop = Drop(folder / "stocks")
        drop.put("a.us.csv", *OLD)
        drop.list("a.us.csv")
        with project.in_force():
            for day in DAYS:
                make_day_of_metric(day)
            make_day_of_stocks()
        copy(folder, folder / "kept")
        yield folder


def copy(source: Path, to: Path) -> None:
    """Have the state of a world be that of another; the files keep their times."""
    to.mkdir(exist_ok=True)
    for name in STATE:
        if (to / name).is_dir():
            shutil.rmtree(to / name)
        (shutil.copytree if (source / name).is_dir() else shutil.copy2)(source / name, to / name)


@dataclass
class World:
    """A world, whose settings are in force, and the command that audits it."""

    folder: Path
    database_url: str
    run: Callable[..., Done]

    def audit(self, *arguments: str) -> Done:
        return self.run("audit", *arguments)

    def found(self, *arguments: str, code: int = 3) -> list[tuple[str, str, str]]:
        """Return the kind, the subject and the partition of each disagreement."""
        done = self.audit("--json", *arguments)
        assert done.code == code, done.out + done.err
        return [(one["kind"], one["what"], one["partition"]) for one in json.loads(done.out)["disagreements"]]

    def manifest(self, task: type, day: datetime.date = DAY) -> Manifest:
        return Manifest.from_json(self.manifest_path(task, day).read_bytes())

    def manifest_path(self, task: Any, day: datetime.date = DAY) -> Path:
        return self.folder / "lake" / str(task.dataset) / "_manifest" / f"{of(day)}.json"

    def change_manifest(self, task: type, day: datetime.date = DAY, **values: Any) -> None:
        path = self.manifest_path(task, day)
        path.write_text(json.dumps(json.loads(path.read_text()) | values))

    def file(self, task: type, day: datetime.date = DAY) -> Path:
        manifest = self.manifest(task, day)
        return Path(manifest.location) / manifest.files[0].name

    def execute(self, sql: str) -> None:
        """Change something in PostgreSQL."""
        with psycopg2.connect(self.database_url) as connection:
            connection.cursor().execute(sql)
        connection.close()


@pytest.fixture
def world(made_world: Path, postgres_url: str, monkeypatch, capsys) -> Iterator[World]:
    """A world as it was made, to be damaged."""
    copy(made_world / "kept", made_world)
    with new_database(postgres_url, "test", template="made_world") as url:
        project = Project(made_world, url)
        project.set("stocks", source="stocks")

        def run(*arguments: str) -> Done:
            monkeypatch.setattr(sys, "argv", ["lakeshift", *arguments])
            with pytest.raises(SystemExit) as ended:
                main()
            return Done(ended.value.code or 0, *capsys.readouterr())

        with project.in_force():
            capsys.readouterr()
            yield World(made_world, url, run)


def state(folder: Path, names: Iterable[str] = STATE) -> dict[str, bytes]:
    """Return all that the files of a world hold."""
    files = (path for name in names for path in [folder / name, *(folder / name).rglob("*")] if path.is_file())
    return {str(path): path.read_bytes() for path in files}
