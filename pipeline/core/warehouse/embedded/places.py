"""What lies at the places that the external catalogue names."""

from __future__ import annotations

from collections.abc import Iterable

import duckdb

from pipeline.core.errors import CheckFailed, SourceUnavailable
from pipeline.core.store import open_store
from pipeline.core.warehouse.embedded.catalogue import ExternalTable, cast
from pipeline.core.warehouse.embedded.literals import literal

# A timestamp in Parquet is an instant or a wall clock; Spectrum reads both as they are written.
READ_AS = {"TIMESTAMP WITH TIME ZONE": "TIMESTAMP"}


def data_files(location: str) -> list[str]:
    """Return the data files at a location, in order. Raises SourceUnavailable if there are none.

    As in Spectrum, names that begin with a point, an underscore or # do not count, nor those that end with ~.
    """
    store = open_store(location)
    found = sorted(store.url(listed.path) for listed in store.list("") if not _is_hidden(listed.path))
    if not found:
        raise SourceUnavailable(
            f"{location} is in the external catalogue, but holds no data. Ask for a rerun of what made it."
        )
    return found


def let_read(connection: duckdb.DuckDBPyConnection, locations: Iterable[str]) -> None:
    """Make a connection able to read what lies at locations."""
    remote = next((location for location in locations if location.startswith("s3://")), None)
    if remote and not connection.filesystem_is_registered("s3"):
        # DuckDB asks dozens of times, and what lies there was written by one attempt, which never changes.
        connection.register_filesystem(open_store(remote).unchanging())  # type: ignore[attr-defined]


def check_types(connection: duckdb.DuckDBPyConnection, table: ExternalTable, files: Iterable[str]) -> None:
    """Raise CheckFailed if the columns of a file are not as the external table declares them, as Spectrum does."""
    declared = _types(connection, f"SELECT {', '.join(cast('NULL', column) for column in table.columns)}")
    for file in files:
        found = _types(connection, f"SELECT * FROM read_parquet({literal(file).sql('duckdb')}) LIMIT 0")  # noqa: S608
        for column in table.columns:
            kind = found.get(column.name, "missing")
            if READ_AS.get(kind, kind) != declared[column.name]:
                raise CheckFailed(
                    f"{table.name}: the column {column.name} is {kind} in {file}, and declared as {column.type};"
                    " Spectrum cannot read that. Look at what wrote the file."
                )


def _types(connection: duckdb.DuckDBPyConnection, query: str) -> dict[str, str]:
    return {column[0].lower(): str(column[1]) for column in connection.execute(query).description}


def _is_hidden(path: str) -> bool:
    return any(part.startswith((".", "_", "#")) or part.endswith("~") for part in path.split("/"))
