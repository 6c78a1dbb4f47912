"""The only door to the warehouse.

Redshift executes the SQL of sql/; the embedded warehouse is a DuckDB file that executes the same SQL.
"""

from __future__ import annotations

from pathlib import Path

from pipeline.core import config
from pipeline.core.warehouse.base import Table, Warehouse
from pipeline.core.warehouse.external import PARTITIONS_AT_ONCE, is_among, is_at
from pipeline.core.warehouse.partitions import PartlyRefused, external_partitions

__all__ = [
    "PARTITIONS_AT_ONCE",
    "PartlyRefused",
    "Table",
    "Warehouse",
    "external_partitions",
    "is_among",
    "is_at",
    "make",
    "warehouse",
]


def warehouse() -> Warehouse:
    """Return the warehouse that the settings name. It connects when it is used, and keeps no connection."""
    return make(config.warehouse().url)


def make(url: str) -> Warehouse:
    """Return the warehouse at a URL."""
    kind, _, place = url.partition(":")
    # Each brings libraries that take up to a second to import, which a scheduler that only plans does not need.
    if kind == "redshift":
        from pipeline.core.warehouse.redshift import RedshiftWarehouse

        return RedshiftWarehouse(url)
    if kind != "duckdb":
        raise ValueError(f"no warehouse: {url}")
    from pipeline.core.warehouse.embedded import DuckWarehouse

    return DuckWarehouse(Path(place))
