"""Days of user behaviour, made in this process of tiny sources; the reviews are classified without Spark.

A conftest.py names the fixtures that its tests use.
"""

from __future__ import annotations

import datetime
import functools
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import parquet

from pipeline.core.database import Database, database
from pipeline.core.graph import requirements
from pipeline.core.lake import Counts, File, Input, Lake, lake
from pipeline.core.store.local import LocalStore
from pipeline.core.warehouse import warehouse
from pipeline.core.warehouse.embedded import DuckWarehouse
from pipeline.user_behaviour import ClassifiedMovieReview, MovieReview, UserBehaviourMetric, UserPurchase

DAYS = [datetime.date(2010, 12, 1) + datetime.timedelta(days) for days in range(30)]


@dataclass
class Days:
    """The stores of a test, and what is done to them."""

    feed: Path

    def given_purchases(self, day: datetime.date, *prices: str) -> None:
        """Make these what customer 1 has bought on a day, three of each."""
        with database().transaction() as cursor:
            cursor.execute("DELETE FROM retail.user_purchase WHERE invoice_date::date = %s", (day,))
            for price in prices:
                row = ("1", "A", "MUG", 3, day, price, 1, "France")
                cursor.execute("INSERT INTO retail.user_purchase VALUES (%s, %s, %s, %s, %s, %s, %s, %s)", row)

    def given_feed(self, text: str) -> None:
        self.feed.write_text(f"cid,review_str\n1,{text}\n")

    def make(self, days: Sequence[datetime.date], but: type | None = None) -> None:
        """Make what is due of the metric of some days, as a run does, but for one kind of task."""
        for task in requirements(metrics(days)):
            if type(task) is not but and not task.complete():
                _classify(task) if isinstance(task, ClassifiedMovieReview) else task.make()

    def attempts(self) -> dict[str, str]:
        """Return by which attempt each partition of the lake and the warehouse was made."""
        found = {}
        for dataset in (MovieReview.dataset, UserPurchase.dataset, ClassifiedMovieReview.dataset):
            manifests = lake().manifests(dataset, lake().committed_partitions(dataset))
            found |= {f"{dataset}/{partition.value}": manifest.attempt for partition, manifest in manifests.items()}
        rows = warehouse().query("SELECT partition_key, attempt FROM public.etl_load")
        return found | {f"metric/{key.partition('=')[2]}": attempt for key, attempt in rows}


def all_there_is() -> tuple[Any, ...]:
    """Return all files of the lake, what is loaded, and where the catalogue points."""
    files = {(one.path, one.bytes, one.version) for one in lake().store.list("")}
    return files, warehouse().query("SELECT * FROM public.etl_load"), warehouse().external_locations()


def metrics(days: Sequence[datetime.date]) -> list[UserBehaviourMetric]:
    return [UserBehaviourMetric(date=day) for day in days]


def _classify(task: ClassifiedMovieReview) -> None:
    """Commit a positive review of customer 1, as if it came of what is read."""
    read = lake().manifest(MovieReview.dataset, task.partition)
    attempt = lake().begin(task.dataset, task.partition, task.task_id)
    with attempt.open("part-0000.parquet") as file:
        parquet.write_table(pa.table({"cid": ["1"], "positive_review": [True]}), file)
    files = [File("part-0000.parquet", attempt.size("part-0000.parquet"), 1)]
    source = Input(MovieReview.dataset.path, str(task.partition), read.attempt)
    attempt.commit(files, Counts(1, 1, 0), {"cid": "string"}, (source,), "0.1.0")


@pytest.fixture
def days(settings: Any, tmp_path: Path, database_url: str) -> Days:
    """Stores of the test's own, with their tables, and a feed."""
    settings("lake", "root", str(tmp_path / "lake"))
    settings("warehouse", "url", f"duckdb:{tmp_path}/warehouse.duckdb")
    settings("database", "url", database_url)
    settings("log", "file", str(tmp_path / "log/lakeshift.log"))
    settings("user_behaviour", "review_feed", str(tmp_path / "movie_review.csv"))
    warehouse().migrate()
    database().migrate()
    found = Days(tmp_path / "movie_review.csv")
    found.given_feed("good")
    return found


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> Counter:
    """How often each store is asked something."""
    counted: Counter = Counter()
    asked = ((LocalStore, "list"), (DuckWarehouse, "query"), (Database, "transaction"), (Lake, "request_rerun"))
    for kind, name in asked:
        monkeypatch.setattr(kind, name, _counting(counted, name, getattr(kind, name)))
    return counted


def _counting(counted: Counter, name: str, method: Any) -> Any:
    @functools.wraps(method)
    def counting(*arguments: Any, **named: Any) -> Any:
        counted[name] += 1
        return method(*arguments, **named)

    return counting
