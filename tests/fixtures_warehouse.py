"""An embedded warehouse for a test, and the days that are given to it.

A conftest.py names the fixtures that its tests use.
"""

from __future__ import annotations

import datetime
import shutil
from collections.abc import Iterable, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from fixtures_settings import settings_file
from pyarrow import parquet

from pipeline.core.lake import Partition
from pipeline.core.warehouse.embedded import DuckWarehouse

DAY = datetime.date(2010, 12, 1)
OTHER_DAY = datetime.date(2010, 12, 2)
PURCHASES = "spectrum.user_purchase_staging"
REVIEWS = "spectrum.classified_movie_review"
SCHEMAS = {
    PURCHASES: pa.schema(
        {
            "invoiceno": pa.string(),
            "stockcode": pa.string(),
            "detail": pa.string(),
            "quantity": pa.int32(),
            "invoicedate": pa.timestamp("us"),
            "unitprice": pa.decimal128(8, 3),
            "customerid": pa.int32(),
            "country": pa.string(),
        }
    ),
    REVIEWS: pa.schema({"cid": pa.string(), "positive_review": pa.bool_()}),
}


@pytest.fixture(scope="session")
def new_warehouse(tmp_path_factory) -> Path:
    """A warehouse with its tables, to be copied, and beside it the luigi.cfg that it was made with."""
    folder = tmp_path_factory.mktemp("warehouse")
    (folder / "luigi.cfg").write_text("[lake]\nroot = lake\n")
    with settings_file(folder / "luigi.cfg"):
        DuckWarehouse(folder / "new.duckdb").query("SELECT 1")
    return folder / "new.duckdb"


@pytest.fixture
def warehouse(settings, monkeypatch, tmp_path: Path, new_warehouse: Path) -> DuckWarehouse:
    shutil.copy(new_warehouse, tmp_path / "warehouse.duckdb")
    settings("lake", "root", str(new_warehouse.parent / "lake"))
    # For the processes that a test starts.
    monkeypatch.setenv("LUIGI_CONFIG_PATH", str(new_warehouse.parent / "luigi.cfg"))
    settings("warehouse", "wait_seconds", "20")
    return DuckWarehouse(tmp_path / "warehouse.duckdb")


def given_purchases(
    warehouse: DuckWarehouse,
    customer: int | None,
    prices: Iterable[str],
    quantity: int = 3,
    day: datetime.date = DAY,
) -> None:
    rows = [{"customerid": customer, "quantity": quantity, "unitprice": Decimal(price)} for price in prices]
    given_rows(warehouse, PURCHASES, rows, day)


def given_reviews(
    warehouse: DuckWarehouse,
    customer: int,
    positive: Iterable[bool],
    day: datetime.date = DAY,
) -> None:
    given_rows(warehouse, REVIEWS, [{"cid": str(customer), "positive_review": each} for each in positive], day)


def given_rows(
    warehouse: DuckWarehouse,
    table: str,
    rows: Iterable[Mapping[str, Any]],
    day: datetime.date = DAY,
) -> Path:
    """Add a file of rows to a day of an external table, and return its folder."""
    folder = warehouse.path.parent / table / str(day)
    folder.mkdir(parents=True, exist_ok=True)
    name = f"part-{len(list(folder.iterdir())):04}.parquet"
    parquet.write_table(pa.Table.from_pylist(list(rows), SCHEMAS[table]), folder / name)
    warehouse.set_external_partitions(table, {Partition.of_date(day): str(folder)})
    return folder
