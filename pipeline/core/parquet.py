"""Parquet that Redshift Spectrum reads, written from a stream in constant memory.

Timestamps are INT64 microseconds without a zone, decimals exact, integers signed
(https://docs.aws.amazon.com/redshift/latest/dg/c-spectrum-external-tables.html).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import IO

import pyarrow as pa
from pyarrow import csv, parquet

ROW_GROUP_ROWS = 131_072


def write_parquet(rows: IO[bytes], schema: pa.Schema, output: IO[bytes]) -> int:
    """Write CSV with a header as one Parquet file, and return the number of rows.

    An unquoted empty field is null. Raises pyarrow.ArrowInvalid at a value that does not fit the schema.
    """
    reader = csv.open_csv(
        rows,
        parse_options=csv.ParseOptions(newlines_in_values=True),
        convert_options=csv.ConvertOptions(
            column_types=schema,
            include_columns=schema.names,
            null_values=[""],
            strings_can_be_null=True,
            quoted_strings_can_be_null=False,
        ),
    )
    count = 0
    with reader, parquet.ParquetWriter(output, schema, version="2.6", coerce_timestamps="us") as writer:
        for table in _row_groups(reader):
            writer.write_table(table, row_group_size=ROW_GROUP_ROWS)
            count += table.num_rows
    return count


def schema_text(schema: pa.Schema) -> dict[str, str]:
    """Return a schema as a manifest keeps it: the type of each column by its name."""
    return {field.name: str(field.type) for field in schema}


def _row_groups(batches: csv.CSVStreamingReader) -> Iterator[pa.Table]:
    waiting: list[pa.RecordBatch] = []
    for batch in batches:
        waiting.append(batch)
        if sum(one.num_rows for one in waiting) >= ROW_GROUP_ROWS:
            yield pa.Table.from_batches(waiting)
            waiting = []
    if waiting:
        yield pa.Table.from_batches(waiting)
