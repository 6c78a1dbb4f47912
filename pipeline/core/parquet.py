"""Parquet that Redshift Spectrum reads, written from a stream in constant memory.

Timestamps are INT64 microseconds without a zone, decimals exact, integers signed
(https://docs.aws.amazon.com/redshift/latest/dg/c-spectrum-external-tables.html).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import AbstractContextManager
from itertools import groupby
from operator import itemgetter
from typing import IO

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv, parquet

ROW_GROUP_ROWS = 131_072

OpenFile = Callable[[str], AbstractContextManager[IO[bytes]]]


class Misplaced(ValueError):
    """Rows have a value that was not asked for, or that rows with another have followed."""


def write_partitions(
    rows: IO[bytes], key: str, values: Collection[str], schema: pa.Schema, open_file: OpenFile
) -> dict[str, int]:
    """Write CSV with a header as a Parquet file for each of the values of a column, and return the rows of each.

    The rows of one value follow each other, and the column itself is in no file. An unquoted empty field is null.
    Raises pyarrow.ArrowInvalid at a value that does not fit the schema, and Misplaced.
    """
    counts: dict[str, int] = {}
    for value, batches in groupby(_runs(rows, key, schema), key=itemgetter(0)):
        if value in counts or value not in values:
            raise Misplaced(value)
        with open_file(value) as output:
            counts[value] = _write((batch for _, batch in batches), schema, output)
    for value in [value for value in values if value not in counts]:
        with open_file(value) as output:
            counts[value] = _write([], schema, output)
    return counts


def _write(batches: Iterable[pa.RecordBatch], schema: pa.Schema, output: IO[bytes]) -> int:
    """Write one Parquet file, and return the number of rows."""
    count = 0
    with parquet.ParquetWriter(output, schema, version="2.6", coerce_timestamps="us") as writer:
        for table in _row_groups(batches):
            writer.write_table(table, row_group_size=ROW_GROUP_ROWS)
            count += table.num_rows
    return count


def schema_text(schema: pa.Schema) -> dict[str, str]:
    """Return a schema as a manifest keeps it: the type of each column by its name."""
    return {field.name: str(field.type) for field in schema}


def _runs(rows: IO[bytes], key: str, schema: pa.Schema) -> Iterator[tuple[str, pa.RecordBatch]]:
    """Yield the rows, without the key, in batches that have one value of it each."""
    reader = csv.open_csv(
        rows,
        parse_options=csv.ParseOptions(newlines_in_values=True),
        convert_options=csv.ConvertOptions(
            column_types=pa.schema([(key, pa.string()), *schema]),
            include_columns=[key, *schema.names],
            null_values=[""],
            strings_can_be_null=True,
            quoted_strings_can_be_null=False,
        ),
    )
    with reader:
        for batch in reader:
            runs, start = pc.run_end_encode(batch.column(key)), 0  # type: ignore[attr-defined]
            for value, end in zip(runs.values.to_pylist(), runs.run_ends.to_pylist(), strict=True):
                yield value, batch.select(schema.names).slice(start, end - start)
                start = end


def _row_groups(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.Table]:
    waiting: list[pa.RecordBatch] = []
    for batch in batches:
        waiting.append(batch)
        if sum(one.num_rows for one in waiting) >= ROW_GROUP_ROWS:
            yield pa.Table.from_batches(waiting)
            waiting = []
    if waiting:
        yield pa.Table.from_batches(waiting)
