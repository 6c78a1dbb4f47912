"""The transaction that replaces partitions of a table, for every database that has `public.etl_load`.

A partition of a table is complete when etl_load has its row. No key protects that (Redshift enforces none),
so the order of the transaction does: lock, look, delete, insert, mark, commit. Several partitions may share one.
"""

from pipeline.core.etl_load.load import LeftOut, Load, Part
from pipeline.core.etl_load.states import LoadState
from pipeline.core.etl_load.tables import PartitionedTables

__all__ = ["LeftOut", "Load", "LoadState", "Part", "PartitionedTables"]
