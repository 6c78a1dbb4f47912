"""What a day of the user-behaviour pipeline costs, beside the bare tools that it is made of.

(a) one day, cold, over the sum of a COPY to a file, a bare PySpark script with its own start, and the metric's SQL
(b) thirty days in one command over thirty times one day
(c) the same day in one DuckDB process, which is what one would write instead
(d) peak memory of the extract at 1x and 10x rows
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import tempfile
from collections.abc import Callable
from pathlib import Path

from bench import BIN, Bench, Cost
from rich.console import Console
from rich.table import Table

from pipeline.core.embedded import stop_postgres

DAY = "2010-12-01"
RUNS = 3
DAYS = 30
SETTINGS = """
[user_behaviour]
review_feed = {folder}/movie_review.csv
"""


class UserBehaviour(Bench):
    """The pipeline on generated sources."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, SETTINGS)
        self.feed = str(folder / "movie_review.csv")

    def luigi(self, *arguments: str) -> Cost:
        return self.run(str(BIN / "luigi"), "--module", "pipeline.user_behaviour", *arguments, "--local-scheduler")

    def forget(self) -> None:
        """Remove everything that was made of the sources."""
        shutil.rmtree(self.folder / "lake", ignore_errors=True)
        for path in self.folder.glob("warehouse.duckdb*"):
            path.unlink()

    def cold_day(self) -> Cost:
        self.forget()
        return self.luigi("UserBehaviourMetric", "--date", DAY)

    def bare_parts(self) -> list[Cost]:
        """Run the bare tools of a day, one after the other."""
        folder = Path(tempfile.mkdtemp(dir=self.folder))
        copy = self.bare("copy_day.py", self.url, DAY, folder / "purchases.csv")
        spark = self.bare("classify.py", self.feed, folder / "reviews")
        sql = self.bare("metric.py", folder / "purchases.csv", folder / "reviews/*.parquet", folder / "metric.duckdb")
        return [copy, spark, sql]

    def one_duckdb(self) -> Cost:
        folder = Path(tempfile.mkdtemp(dir=self.folder))
        return self.bare("one_duckdb.py", self.url, DAY, self.feed, folder / "metric.duckdb")

    def days_in_one_command(self) -> Cost:
        self.forget()
        return self.luigi(
            "RangeDaily", "--of", "UserBehaviourMetric", "--start", "2010-12-01", "--stop", "2010-12-31",
            "--workers", "2",
        )  # fmt: skip

    def extract(self, copies: int) -> Cost:
        """Extract one day that holds all purchases, `copies` times over."""
        self.forget()
        columns = "invoice_number, stock_code, detail, quantity, {}, unit_price, customer_id, country"
        with self.database.transaction() as cursor:
            cursor.execute("DELETE FROM retail.user_purchase WHERE invoice_date >= '2012-01-01'")
            cursor.execute(
                f"INSERT INTO retail.user_purchase SELECT {columns.format('timestamp %(moment)s')}"
                " FROM retail.user_purchase, generate_series(1, %(copies)s) WHERE invoice_date < '2012-01-01'",
                {"moment": "2012-01-01 10:00", "copies": copies},
            )
        return self.luigi("UserPurchase", "--date", "2012-01-01")


def median(run: Callable[[], Cost]) -> float:
    return statistics.median(run().seconds for _ in range(RUNS))


def measure(bench: UserBehaviour, show: Callable[[str, str, str], None]) -> None:
    days, parts, duck = [], [], []
    for _ in range(RUNS):
        days.append(bench.cold_day().seconds)
        parts.append([part.seconds for part in bench.bare_parts()])
        duck.append(bench.one_duckdb().seconds)
    day, alone, bare = statistics.median(days), statistics.median(duck), statistics.median(map(sum, parts))
    copy, spark, sql = (statistics.median(column) for column in zip(*parts, strict=True))
    show("(a) a cold day over the bare tools", f"{day / bare:.2f}", f"{day:.1f} s / {bare:.1f} s")
    show("    the bare tools: COPY, PySpark, SQL", "", f"{copy:.1f} s + {spark:.1f} s + {sql:.1f} s")
    thirty = bench.days_in_one_command().seconds
    show(f"(b) {DAYS} days in one command over {DAYS} cold days", f"{thirty / DAYS / day:.2f}", f"{thirty:.1f} s")
    show("(c) a cold day over one DuckDB process", f"{day / alone:.1f}", f"{day:.1f} s / {alone:.1f} s")
    show("    a further day in the same command", f"{(thirty - day) / (DAYS - 1) / alone:.1f}", "over the same")
    bench.lakeshift("warm")
    warm = median(bench.cold_day)
    show("(a) with the archive of classes", f"{warm / bare:.2f}", f"{warm:.1f} s")
    show("(c) with the archive of classes", f"{warm / alone:.1f}", f"{warm:.1f} s")
    once, tenfold = (bench.extract(copies).mebibytes for copies in (1, 10))
    show("(d) memory of the extract, 10x rows over 1x", f"{tenfold / once:.2f}", f"{tenfold:.0f} / {once:.0f} MiB")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a tenth of the rows")
    share = 10 if parser.parse_args().quick else 1
    rows, reviews = 541_909 // share, 100_000 // share
    table = Table("figure", "ratio", "of", title=f"{rows:,} purchases on 305 days, {reviews:,} reviews a day")
    folder = Path(tempfile.mkdtemp(prefix="lakeshift-bench-"))
    bench = UserBehaviour(folder)
    try:
        bench.lakeshift("seed", "--overwrite", "--days", "305", "--rows", str(rows), "--reviews-count", str(reviews))
        measure(bench, lambda *row: table.add_row(*row))
    finally:
        stop_postgres(folder / "postgres")
        shutil.rmtree(folder, ignore_errors=True)
    Console().print(table)


if __name__ == "__main__":
    main()
