"""305 days of the user-behaviour pipeline in one command, beside one Spark job that makes the same of the whole range.

Figure (c) of backfill.py: the command over the bare job, its own start included in both.
"""

from __future__ import annotations

import datetime
import os
import shutil
import statistics
import tempfile
from collections.abc import Callable
from pathlib import Path

from bench import BIN, Bench, Cost

from pipeline.core.embedded import stop_postgres

FIRST, DAYS, ROWS = datetime.date(2010, 12, 1), 305, 541_909
# As many as the public film reviews are.
REVIEWS = 2_000
RUNS = 3
SETTINGS = """
[user_behaviour]
review_feed = {folder}/feed.csv
"""


class Range(Bench):
    """Generated purchases of many days, and a feed of reviews for each."""

    def __init__(self, folder: Path, days: int) -> None:
        super().__init__(folder, SETTINGS)
        self.last = FIRST + datetime.timedelta(days - 1)
        self.days = days
        (folder / "feeds").mkdir()

    def seed(self) -> None:
        sizes = ("--days", str(self.days), "--rows", str(ROWS * self.days // DAYS), "--reviews-count", str(REVIEWS))
        self.lakeshift("seed", "--overwrite", *sizes)
        for number in range(self.days):
            os.link(self.folder / "feed.csv", self.folder / f"feeds/{FIRST + datetime.timedelta(number)}.csv")
        settings = self.folder / "bench.cfg"
        settings.write_text(settings.read_text().replace("feed.csv", "feeds/{date}.csv"))

    def command(self) -> Cost:
        """Run the backfill on an empty lake and warehouse."""
        shutil.rmtree(self.folder / "lake", ignore_errors=True)
        for path in self.folder.glob("warehouse.duckdb*"):
            path.unlink()
        after = self.last + datetime.timedelta(1)
        luigi = (str(BIN / "luigi"), "--module", "pipeline.backfill", "Backfill", "--of", "UserBehaviourMetric")
        return self.run(*luigi, "--range", f"{FIRST}-{after}", "--local-scheduler", "--workers", "2")

    def bare_job(self) -> Cost:
        folder = Path(tempfile.mkdtemp(dir=self.folder))
        return self.bare("whole_range.py", self.url, FIRST, self.last, self.folder / "feeds", folder)


def measure(days: int, show: Callable[..., None]) -> None:
    """Show the medians of both, and their ratio."""
    folder = Path(tempfile.mkdtemp(prefix="lakeshift-bench-"))
    bench = Range(folder, days)
    try:
        bench.seed()
        pairs = [(bench.command().seconds, bench.bare_job().seconds) for _ in range(RUNS)]
    finally:
        stop_postgres(folder / "postgres")
        shutil.rmtree(folder, ignore_errors=True)
    command, bare = (statistics.median(column) for column in zip(*pairs, strict=True))
    show(f"(c) {days} days over one Spark job", f"{command / bare:.2f}", f"{command:.1f} s / {bare:.1f} s")
