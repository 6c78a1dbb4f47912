"""A drop of stock files for a test, and what the pipeline is to make of it, worked out line by line."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from decimal import Decimal
from pathlib import Path

HEADER = "Date,Open,High,Low,Close,Volume,OpenInt"


class Drop:
    """A folder as the pipeline's source: Stocks/ and CompanyNames/top_companies.txt."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "Stocks").mkdir(parents=True)
        (folder / "CompanyNames").mkdir()

    def put(self, name: str, *lines: str) -> None:
        """Put a file of price lines, below the header."""
        self.put_text(name, "".join(f"{line}\r\n" for line in (HEADER, *lines)))

    def put_text(self, name: str, text: str) -> None:
        (self.folder / "Stocks" / name).write_bytes(text.encode())

    def list(self, *names: str) -> None:
        quoted = ", ".join("'" + name.replace("'", "''") + "'" for name in names)
        (self.folder / "CompanyNames" / "top_companies.txt").write_text(f"{quoted}\n")

    @property
    def published(self) -> Path:
        return self.folder / "Output" / "historical_stock_data.csv"


def expected_rows(files: Iterable[Path]) -> Iterator[tuple]:
    """Yield what historical_stocks_data is to hold, in its order, by Python's own csv and decimal."""
    for path in files:
        with path.open(newline="") as file:
            for row in csv.DictReader(file):
                opened, closed = Decimal(row["Open"]), Decimal(row["Close"])
                percent = float(closed - opened) / float(opened) * 100 if opened else None
                yield (
                    row["Date"], opened, Decimal(row["High"]), Decimal(row["Low"]), closed, int(row["Volume"]),
                    percent, closed - opened, path.name.split(".")[0],
                )  # fmt: skip
