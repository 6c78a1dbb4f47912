"""What it costs to know which of many dates are complete, in S3 and in a database, beside stock Luigi.

Ours is `bulk_complete` of a task of the lake and of a task of a table. Stock Luigi asks for each date, by S3Target
(with one client for all, which is the best that can be made of it) and by PostgresTarget. All dates are complete,
which is the least that S3Target can cost: for a missing one it sends four requests.

One PostgreSQL keeps `etl_load` for us and the marker table for Luigi, so the two differ in what they ask, not whom.
"""

from __future__ import annotations

import argparse
import datetime
import os
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import luigi
import psycopg2
from luigi.configuration import get_config
from luigi.contrib.postgres import PostgresTarget
from luigi.contrib.s3 import S3Client, S3Target
from luigi.task import MixinNaiveBulkComplete
from psycopg2.extensions import parse_dsn
from rich.console import Console
from rich.table import Table
from s3_server import s3_server

from pipeline.core import targets
from pipeline.core.database import Database
from pipeline.core.embedded import start_postgres, stop_postgres
from pipeline.core.lake import Counts, File, Manifest, Partition, lake, new_attempt_id
from pipeline.core.runtime import RUN_FOLDER
from pipeline.core.store.requests import SENDING, note_request, requests_of
from pipeline.user_behaviour import UserBehaviourMetric, UserPurchase

BUCKET, REGION = "completeness", "eu-west-1"
FIRST = datetime.date(2010, 12, 1)
COUNTS = (100, 1_000, 5_000)
RUNS = 3
PUT_AT_ONCE = 16
ETL_LOAD = "INSERT INTO public.etl_load (table_name, partition_key, attempt) VALUES (%(table)s, %(key)s, %(attempt)s)"
MARKER = "INSERT INTO table_updates (update_id, target_table) VALUES (%(update_id)s, %(table)s)"


class StockPurchase(MixinNaiveBulkComplete, luigi.Task):
    """A day's purchases in S3, as stock Luigi has them."""

    date = luigi.DateParameter()
    client: S3Client

    def output(self) -> S3Target:
        return S3Target(f"s3://{BUCKET}/stock/{self.date}.parquet", client=self.client)


class StockMetric(MixinNaiveBulkComplete, luigi.Task):
    """A day of a table, as stock Luigi has it."""

    date = luigi.DateParameter()
    connection: dict[str, str]

    def output(self) -> PostgresTarget:
        return PostgresTarget(table="metric", update_id=str(self.date), password="", **self.connection)


class Cost(NamedTuple):
    """What it cost to know of some dates: seconds, requests to S3, connections to the database."""

    seconds: float
    requests: int
    connections: int


class Bench:
    """A lake in S3 and a database, with as many complete dates as it was told to add."""

    def __init__(self, folder: Path, endpoint: str, database_url: str) -> None:
        self.folder, self.database = folder, Database(database_url)
        self.days: list[datetime.date] = []
        for key, value in (("root", f"s3://{BUCKET}/lake"), ("endpoint_url", endpoint), ("region", REGION)):
            get_config().set("lake", key, value)
        targets.warehouse = lambda: self.database
        self.client = S3Client(endpoint_url=endpoint, region_name=REGION)
        self.s3 = self.client.s3.meta.client
        self.s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
        self.s3.meta.events.register(SENDING, note_request)
        dsn = parse_dsn(database_url)
        StockPurchase.client = self.client
        StockMetric.connection = {"host": dsn["host"], "database": dsn["dbname"], "user": dsn["user"]}
        self.database.create_tables("tables.sql")
        StockMetric(date=FIRST).output().create_marker_table()

    def add(self, count: int) -> None:
        """Make the first so many dates complete, for both."""
        more = [FIRST + datetime.timedelta(number) for number in range(len(self.days), count)]
        with ThreadPoolExecutor(PUT_AT_ONCE) as pool:
            list(pool.map(self._put, more))
        with self.database.transaction() as cursor:
            for day in more:
                key = str(Partition.of_date(day))
                cursor.execute(ETL_LOAD, {"table": UserBehaviourMetric.table, "key": key, "attempt": new_attempt_id()})
                cursor.execute(MARKER, {"update_id": str(day), "table": "metric"})
        self.days += more

    def _put(self, day: datetime.date) -> None:
        manifest = manifest_of(day)
        lake().store.create(f"{manifest.dataset}/_manifest/{manifest.partition}.json", manifest.to_json())
        self.s3.put_object(Bucket=BUCKET, Key=f"stock/{day}.parquet", Body=b"")

    def cost(self, tasks: Iterable[type[luigi.Task]]) -> Cost:
        """Return what it cost to find that all dates of some tasks are complete."""
        folder = Path(tempfile.mkdtemp(dir=self.folder))
        os.environ[RUN_FOLDER] = str(folder)
        with counted_connections() as connections:
            started = time.monotonic()
            for task in tasks:
                assert len(task.bulk_complete(iter(self.days))) == len(self.days)
            seconds = time.monotonic() - started
        del os.environ[RUN_FOLDER]
        return Cost(seconds, requests_of(folder).total(), len(connections))

    def ours(self) -> Cost:
        costs = [self.cost([UserPurchase, UserBehaviourMetric]) for _ in range(RUNS)]
        return costs[0]._replace(seconds=statistics.median(cost.seconds for cost in costs))

    def stock(self) -> Cost:
        return self.cost([StockPurchase, StockMetric])


def manifest_of(day: datetime.date) -> Manifest:
    partition, attempt = Partition.of_date(day), new_attempt_id()
    return Manifest(
        UserPurchase.dataset, partition, attempt, f"s3://{BUCKET}/lake/{UserPurchase.dataset}/{attempt}/{partition}",
        (File("part-0000.parquet", 10_000, 100),), Counts(100, 100, 0), {}, (), "", (), "0.1.0", "UserPurchase", "",
    )  # fmt: skip


@contextmanager
def counted_connections() -> Iterator[list[str]]:
    """Yield a list that takes an item for each connection to PostgreSQL."""
    opened: list[str] = []
    connect = psycopg2.connect
    psycopg2.connect = lambda *args, **kwargs: [opened.append("one"), connect(*args, **kwargs)][1]
    yield opened
    psycopg2.connect = connect


def measure(bench: Bench, counts: Iterable[int], show: Callable[..., None]) -> None:
    # Neither pays for its imports and first connections.
    bench.add(1)
    bench.ours(), bench.stock()
    for count in counts:
        bench.add(count)
        ours, stock = bench.ours(), bench.stock()
        for name, cost in (("Lakeshift", ours), ("stock Luigi", stock)):
            show(f"{count:,}", name, f"{cost.seconds:.2f}", f"{cost.requests:,}", f"{cost.connections:,}")
        show("", "ratio", f"{stock.seconds / ours.seconds:.0f}", f"{stock.requests / ours.requests:.0f}", "")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="at most a thousand dates")
    counts = COUNTS[:2] if parser.parse_args().quick else COUNTS
    table = Table("dates", "", "seconds", "requests to S3", "connections to PostgreSQL")
    folder = Path(tempfile.mkdtemp(prefix="lakeshift-bench-"))
    try:
        with s3_server(folder) as endpoint:
            measure(
                Bench(folder, endpoint, start_postgres(folder / "postgres")), counts, lambda *row: table.add_row(*row)
            )
    finally:
        stop_postgres(folder / "postgres")
        shutil.rmtree(folder, ignore_errors=True)
    Console().print(table)


if __name__ == "__main__":
    main()
