"""What etl_load says of the partitions of a table: of what each was made, by which code, and when."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timezone

from pipeline.core.etl_load import PartitionedTables
from pipeline.core.lake import Input, Partition

ROWS = """
SELECT partition_key, attempt, inputs, row_count, code_version, loaded_at
FROM public.etl_load
WHERE table_name = %(table_name)s AND attempt IS NOT NULL
"""


@dataclass(frozen=True)
class Loaded:
    """A partition of a table as it was loaded, whether it is to be replaced or not."""

    attempt: str
    inputs: tuple[Input, ...]
    row_count: int
    code_version: str
    loaded_at: datetime


def loaded(tables: PartitionedTables, table: str) -> dict[Partition, Loaded]:
    """Return the loaded partitions of a table; one query."""
    return {
        Partition.parse(key): Loaded(
            attempt,
            tuple(Input(**one) for one in json.loads(inputs)),
            row_count,
            code_version,
            loaded_at.replace(tzinfo=timezone.utc),
        )
        for key, attempt, inputs, row_count, code_version, loaded_at in tables.query(ROWS, {"table_name": table})
    }
