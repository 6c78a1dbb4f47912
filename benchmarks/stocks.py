"""What the stocks pipeline costs on a folder of price files, beside the published way and what nobody can go below.

(a) the published way (pandas file by file, a row an INSERT) over the pipeline; aim: at least 30
(b) the pipeline over reading the bytes once and copying the finished CSV into an unlogged table; aim: at most 1.8
(c) its peak memory; aim: below 1 GB
"""

from __future__ import annotations

import argparse
import re
import shutil
import statistics
import tempfile
from pathlib import Path

from bench import BIN, Bench, Cost
from rich.console import Console
from rich.table import Table

from pipeline.core.embedded import stop_postgres

DAY = "2017-11-10"
RUNS = 3
# What the published way is measured on, and scaled from: its time grows with the rows.
SHARE = 10
SETTINGS = """
[stocks]
source = {folder}/stocks
"""


class Stocks(Bench):
    """The pipeline on a copy of a folder with Stocks/ and CompanyNames/."""

    def __init__(self, folder: Path, source: Path) -> None:
        shutil.copytree(source, folder / "stocks", ignore=shutil.ignore_patterns("Output"))
        super().__init__(folder, SETTINGS)
        self.prices = folder / "stocks/Stocks"
        text = (folder / "stocks/CompanyNames/top_companies.txt").read_text()
        self.names = [name for name in re.findall(r"'([^']*)'", text) if (self.prices / name).exists()]

    @property
    def finished(self) -> Path:
        return self.folder / "stocks/Output/historical_stock_data.csv"

    def pipeline(self) -> Cost:
        shutil.rmtree(self.folder / "lake", ignore_errors=True)
        with self.database.transaction() as cursor:
            cursor.execute("DELETE FROM public.etl_load")
        luigi = (str(BIN / "luigi"), "--module", "pipeline.stocks", "HistoricalStocks", "--date", DAY)
        return self.run(*luigi, "--local-scheduler")

    def limit(self) -> Cost:
        return self.bare("limit_stocks.py", self.url, self.prices, self.finished)

    def students(self, names: list[str]) -> Cost:
        return self.bare("students_stocks.py", self.url, self.prices, self.folder / "students.csv", *names)


def measure(bench: Stocks, table: Table) -> None:
    ours, limits = [], []
    # The first run compiles what it imports, and is not counted.
    bench.pipeline()
    for _ in range(RUNS):
        ours.append(bench.pipeline())
        limits.append(bench.limit().seconds)
    some = bench.names[::SHARE]
    share = _rows(bench, some) / _rows(bench, bench.names)
    students = bench.students(some).seconds / share
    run, limit = statistics.median(cost.seconds for cost in ours), statistics.median(limits)
    table.add_row("(a) the published way over the pipeline", f"{students / run:.0f}", f"{students:.0f} s / {run:.1f} s")
    table.add_row("(b) the pipeline over the limit", f"{run / limit:.2f}", f"{run:.1f} s / {limit:.1f} s")
    table.add_row("(c) peak memory", "", f"{max(cost.mebibytes for cost in ours):.0f} MiB")


def _rows(bench: Stocks, names: list[str]) -> int:
    return sum((bench.prices / name).read_bytes().count(b"\n") for name in names)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source", type=Path, help="a folder with Stocks/ and CompanyNames/top_companies.txt")
    source = parser.parse_args().source
    folder = Path(tempfile.mkdtemp(prefix="lakeshift-bench-"))
    bench = Stocks(folder, source)
    table = Table("figure", "ratio", "of", title=f"{len(bench.names):,} files, {_rows(bench, bench.names):,} lines")
    try:
        bench.lakeshift("migrate")
        measure(bench, table)
    finally:
        stop_postgres(folder / "postgres")
        shutil.rmtree(folder, ignore_errors=True)
    Console().print(table)


if __name__ == "__main__":
    main()
