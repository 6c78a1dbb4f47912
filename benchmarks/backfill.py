"""A range of dates as a backfill, beside stock Luigi: what is complete and due, and trivial tasks a second.

(a) Dates of which half are complete, in a local folder and in S3: which are complete, and then what is due handed to a
scheduler, until the first task can run and until all are there. Ours is what Backfill does with a task of the lake.
Stock Luigi asks each date's `complete`, and plans by RangeDaily, which lists the folder instead where the paths of
LocalTarget or S3Target are a date apart. S3Target has one client for all.
(b) Tasks a second from the first look to the last, none of which is complete before. A task touches a file, which is
also what it is complete by. Ours is Backfill, with its receipt; stock Luigi is RangeDaily and its local scheduler, with
nothing written to a log. Of 20,000 stock does so many before it is stopped, since the whole would take hours.
(c) 305 days of user_behaviour, as range_of_days.py says.

Each measure of (b) is a process of its own; ours are medians of three.
"""

from __future__ import annotations

import argparse
import datetime
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any

import luigi
import range_of_days
from luigi.configuration import get_config
from luigi.contrib.s3 import S3Client, S3Target
from luigi.date_interval import Custom
from luigi.tools.range import RangeDaily
from luigi.worker import Worker as StockWorker
from rich.console import Console
from rich.table import Table
from s3_server import s3_server

FIRST = datetime.date(1950, 1, 1)
COUNTS = (1_000, 5_000, 20_000)
# How many of 20,000 tasks stock Luigi runs before it is stopped.
SAMPLE, SAMPLED = 100, 20_000
RUNS = 3
BUCKET, REGION = "backfill", "eu-west-1"
PUT_AT_ONCE = 16
FOLDER = "LAKESHIFT_BENCH_FOLDER"
LIMITS = {"days_back": 100_000, "task_limit": 100_000}
Show = Callable[..., None]


def last(count: int) -> datetime.date:
    """Return the day after so many."""
    return FIRST + datetime.timedelta(count)


def dates(count: int) -> list[datetime.date]:
    return [FIRST + datetime.timedelta(number) for number in range(count)]


# Which are complete


class StockDay(luigi.Task):
    """A day's file, in a folder or in S3, as stock Luigi has it."""

    date = luigi.DateParameter()
    place: str
    client: S3Client | None = None

    def output(self) -> luigi.Target:
        path = f"{self.place}/{self.date}.csv"
        return S3Target(path, client=self.client) if self.client else luigi.LocalTarget(path)


def fill(count: int) -> None:
    """Make every other date complete, for both."""
    from pipeline.core.lake import Counts, File, Manifest, Partition, lake, new_attempt_id
    from pipeline.user_behaviour import UserPurchase

    store = lake().store

    def put(day: datetime.date) -> None:
        partition, attempt = Partition.of_date(day), new_attempt_id()
        manifest = Manifest(
            UserPurchase.dataset, partition, attempt, store.url(f"{UserPurchase.dataset}/{attempt}/{partition}"),
            (File("part-0000.parquet", 10_000, 100),), Counts(100, 100, 0), {}, (), "", (), "0.1.0", "UserPurchase", "",
        )  # fmt: skip
        store.create(f"{UserPurchase.dataset}/_manifest/{partition}.json", manifest.to_json())
        StockDay(date=day).output().open("w").close()

    with ThreadPoolExecutor(PUT_AT_ONCE) as pool:
        list(pool.map(put, dates(count)[::2]))


def timed(act: Callable[[], Any]) -> tuple[float, int]:
    """Return in how many seconds how many dates are found, with no task made before."""
    luigi.task.Register.clear_instance_cache()
    started = time.monotonic()
    found = len(act())
    return time.monotonic() - started, found


def plan_ours(count: int, windows: int | None = None) -> list[Any]:
    """Hand all that is due to schedulers, or so many windows of it."""
    from pipeline.backfill import due_of
    from pipeline.core.completeness import Known
    from pipeline.core.spans import Span, in_pieces
    from pipeline.core.windows import PARTITIONS, WindowWorker
    from pipeline.user_behaviour import UserPurchase

    span, known = Span(UserPurchase, Custom(FIRST, last(count))), Known()
    due = due_of(span, span.complete(known))
    for window in islice(in_pieces(due, PARTITIONS), windows):
        worker = WindowWorker(known, 1)
        for day in window:
            worker.add(span.task(day))
    return due


def plan_stock(count: int) -> list[Any]:
    worker = StockWorker(luigi.scheduler.Scheduler(prune_on_get_work=True))
    whole = RangeDaily(of=StockDay, start=FIRST, stop=last(count), **LIMITS)
    worker.add(whole)
    return whole.requires()


def measure_complete(place: str, count: int, show: Show) -> None:
    from pipeline.core.spans import Span
    from pipeline.user_behaviour import UserPurchase

    span = Span(UserPurchase, Custom(FIRST, last(count)))
    # What is imported by the first question is no part of it.
    Span(UserPurchase, Custom(FIRST, last(1))).complete()
    (complete, found), (stocks_complete, stock_found) = (
        timed(span.complete),
        timed(lambda: [day for day in dates(count) if StockDay(date=day).complete()]),
    )
    planned = [timed(lambda windows=windows: plan_ours(count, windows)) for windows in (1, None)]
    stock_planned = timed(lambda: plan_stock(count))
    assert found == stock_found == count // 2
    assert {due for _, due in (*planned, stock_planned)} == {count // 2}
    row = [f"{complete:.3f}", f"{stocks_complete:.2f} ({stocks_complete / complete:.0f})"]
    ratios = "; ".join(f"{stock_planned[0] / seconds:.0f}" for seconds, _ in planned)
    row += [*(f"{seconds:.3f}" for seconds, _ in planned), f"{stock_planned[0]:.2f} ({ratios})"]
    show(place, f"{count:,}", *row)


def run_complete(folder: Path, counts: tuple[int, ...], show: Show) -> None:
    settings = get_config()
    for count in counts:
        settings.set("lake", "root", str(folder / f"lake-{count}"))
        StockDay.place, StockDay.client = str(folder / f"stock-{count}"), None
        fill(count)
        measure_complete("folder", count, show)
    with s3_server(folder) as endpoint:
        for key, value in (("endpoint_url", endpoint), ("region", REGION)):
            settings.set("lake", key, value)
        StockDay.client = S3Client(endpoint_url=endpoint, region_name=REGION)
        s3 = StockDay.client.s3.meta.client
        s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
        for count in counts:
            settings.set("lake", "root", f"s3://{BUCKET}/lake-{count}")
            StockDay.place = f"s3://{BUCKET}/stock-{count}"
            fill(count)
            measure_complete("S3", count, show)


# Tasks a second


class Touched(luigi.Task):
    """A trivial task of stock Luigi, complete when its file is there."""

    date = luigi.DateParameter()

    def output(self) -> luigi.LocalTarget:
        return luigi.LocalTarget(f"{os.environ[FOLDER]}/{self.date}")

    def run(self) -> None:
        Path(self.output().path).touch()


class Sampled(Exception):
    """So many tasks were run as were to be."""


class SamplingWorker(StockWorker):
    """Stock Luigi's worker, which runs no more than so many tasks."""

    left = 0

    def _run_task(self, task_id: str) -> None:
        self.left -= 1
        if self.left < 0:
            raise Sampled
        super()._run_task(task_id)


def run_stock(count: int) -> float:
    """Return the tasks a second of stock Luigi; of the largest count those of the first few, which wait for none."""
    luigi.build([], local_scheduler=True, log_level="WARNING")
    whole = RangeDaily(of=Touched, start=FIRST, stop=last(count), **LIMITS)
    worker = SamplingWorker(luigi.scheduler.Scheduler(prune_on_get_work=True), worker_processes=1)
    worker.left = SAMPLE if count >= SAMPLED else count + 1
    started = time.monotonic()
    with worker:
        worker.add(whole)
        planned = time.monotonic()
        try:
            worker.run()
        except Sampled:
            return SAMPLE / (time.monotonic() - planned)
    return count / (time.monotonic() - started)


def run_ours(count: int) -> float:
    """Return the tasks a second of a backfill, from its first look to its receipt."""
    from pipeline.backfill import Backfill
    from pipeline.core.tasks.partition import MakingTask

    class TouchedDay(MakingTask):
        date = luigi.DateParameter()
        output = Touched.output

        def make(self) -> str:
            Path(self.output().path).touch()
            return "touched"

    started = time.monotonic()
    result = luigi.build(
        [Backfill(of=TouchedDay, range=f"{FIRST}-{last(count)}")], local_scheduler=True, log_level="WARNING"
    )
    assert result
    return count / (time.monotonic() - started)


def rate(folder: Path, which: str, count: int) -> tuple[float, float]:
    """Return the tasks a second, and the peak memory in MiB, of a process that runs so many."""
    with empty(folder / f"{which}-{count}") as files:
        command = [sys.executable, __file__, "--run", which, str(count)]
        environment = os.environ | {FOLDER: str(files / "touched"), "LUIGI_CONFIG_PATH": str(files / "bench.cfg")}
        (files / "touched").mkdir()
        (files / "bench.cfg").write_text(f"[lake]\nroot = {files}/lake\n[log]\nfile = {files}/lakeshift.log\n")
        done = subprocess.run(command, env=environment, text=True, stdout=subprocess.PIPE, check=True, cwd=files)
    tasks, mebibytes = done.stdout.split()[-2:]
    return float(tasks), float(mebibytes)


@contextmanager
def empty(folder: Path) -> Iterator[Path]:
    folder.mkdir()
    yield folder
    shutil.rmtree(folder)


def run_rates(folder: Path, counts: tuple[int, ...], show: Show) -> None:
    for count in counts:
        ours, memory = map(statistics.median, zip(*(rate(folder, "ours", count) for _ in range(RUNS)), strict=True))
        stock, stocks_memory = rate(folder, "stock", count)
        sampled = f" (the first {SAMPLE})" if count >= SAMPLED else ""
        show(f"{count:,}", f"{ours:.0f}", f"{stock:.0f}{sampled}", f"{memory:.0f}", f"{stocks_memory:.0f}")


def run_one(which: str, count: int) -> None:
    tasks = {"ours": run_ours, "stock": run_stock}[which](count)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1024 if sys.platform == "linux" else 1 << 20)
    print(tasks, memory)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="at most 5,000 dates, and 30 days")
    parser.add_argument("--run", nargs=2, metavar=("ours|stock", "COUNT"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.run:
        run_one(options.run[0], int(options.run[1]))
        return
    counts = COUNTS[:2] if options.quick else COUNTS
    stock = "stock Luigi, s (ratio)"
    complete = Table("(a) in", "dates", "complete, s", stock, "first can run, s", "all handed over, s", stock)
    days = Table("figure", "ratio", "of")
    rates = Table("(b) tasks", "Lakeshift, a second", "stock Luigi, a second", "Lakeshift, MiB", "stock Luigi, MiB")
    folder = Path(tempfile.mkdtemp(prefix="lakeshift-bench-"))
    try:
        run_rates(folder, counts, lambda *row: rates.add_row(*row))
        run_complete(folder, counts, lambda *row: complete.add_row(*row))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    range_of_days.measure(30 if options.quick else range_of_days.DAYS, days.add_row)
    for table in (complete, rates, days):
        Console().print(table)


if __name__ == "__main__":
    main()
