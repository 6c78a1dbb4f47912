"""The embedded twin of Redshift: a DuckDB file that executes the same SQL."""

from pipeline.core.warehouse.embedded.duck import DuckWarehouse

__all__ = ["DuckWarehouse"]
