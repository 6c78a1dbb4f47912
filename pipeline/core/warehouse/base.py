"""What every warehouse can do, whatever it is made of."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import PurePosixPath
from typing import Any, NamedTuple, Protocol

from pipeline.core.errors import CheckFailed
from pipeline.core.etl_load import PartitionedTables
from pipeline.core.lake import Partition
from pipeline.core.retries import retried
from pipeline.core.sql_files import read_sql
from pipeline.core.sql_text import statements
from pipeline.core.warehouse.partitions import located, locations_query, set_partitions

Parameters = Mapping[str, Any]


class Cursor(Protocol):
    """What a warehouse's cursor has in common with every other of the Python DB API."""

    @property
    def description(self) -> Sequence[Sequence[Any]] | None: ...

    @property
    def rowcount(self) -> int: ...

    def execute(self, sql: str, params: Parameters | None = None) -> Any: ...

    def fetchone(self) -> Any: ...

    def fetchall(self) -> list[Any]: ...


class Table(NamedTuple):
    """The rows of a query with the names of their columns."""

    columns: list[str]
    rows: list[tuple]


class Warehouse(PartitionedTables):
    """Redshift, or what executes the same SQL. Parameters are written %(name)s, and bound."""

    @abstractmethod
    def transaction(self) -> AbstractContextManager[Cursor]:
        """Yield a cursor; commit at the end, roll back on an error."""

    @abstractmethod
    def autocommit(self) -> AbstractContextManager[Cursor]:
        """Yield a cursor outside a transaction, where alone the external catalogue can be changed."""

    @abstractmethod
    def migrate(self, dry_run: bool = False) -> list[str]:
        """Make the schemas and tables those that sql/ declares, and return what was made, one line each.

        A dry run changes nothing, and returns the statements that are due. Raises CheckFailed if a table differs in
        another way than that it lacks columns, SettingError if it was made for another lake.
        """

    def query(self, sql: str, params: Parameters | None = None) -> list[tuple]:
        """Return all rows of a query."""
        return self.query_table(sql, params).rows

    def query_table(self, sql: str, params: Parameters | None = None) -> Table:
        """Return all rows of a query, and the names of its columns."""
        return retried(lambda: self._query_once(sql, params))

    def _query_once(self, sql: str, params: Parameters | None) -> Table:
        with self.transaction() as cursor:
            cursor.execute(sql, params)
            columns = [column[0] for column in cursor.description or ()]
            return Table(columns, [tuple(row) for row in cursor.fetchall()])

    def run_file(self, cursor: Cursor, file: str, params: Parameters | None = None) -> int:
        """Run each statement of a file of sql/, and return how many rows the last one wrote."""
        for statement in statements(read_sql(file)):
            cursor.execute(statement, params)
        return cursor.rowcount

    def check_file(self, cursor: Cursor, file: str, params: Parameters | None = None) -> dict[Partition, CheckFailed]:
        """Return the partitions that break promises of a file of sql/, each with the error that names these.

        A broken promise is a row of three columns: the partition's value, under its key; the promise; and the number
        of rows that break it.
        """
        broken: dict[Partition, list[str]] = {}
        for statement in statements(read_sql(file)):
            cursor.execute(statement, params)
            rows = cursor.fetchall()
            key = cursor.description[0][0] if cursor.description else ""
            for value, promise, count in rows:
                broken.setdefault(Partition(key, str(value)), []).append(f"{promise} ({_rows(count)})")
        name = PurePosixPath(file).stem.removesuffix("_checks")
        return {
            partition: CheckFailed(
                f"{name} {partition}: {'; '.join(promises)}. Nothing of it was loaded. The checks: sql/{file}"
            )
            for partition, promises in broken.items()
        }

    def external_partitions(self, table: str) -> dict[str, str]:
        """Return the location of each partition of an external table by its value; one query."""
        return located(self.query(*locations_query(table)))

    def external_locations(self) -> set[str]:
        """Return the locations of the partitions of all external tables, as far as they are shown; one query."""
        return {location for (location,) in self.query("SELECT location FROM svv_external_partitions")}

    def external_location(self, table: str, partition: Partition) -> str | None:
        """Return where a partition of an external table lies, or None if it is not in the catalogue."""
        return located(self.query(*locations_query(table, [partition]))).get(partition.value)

    def set_external_partitions(self, table: str, locations: Mapping[Partition, str]) -> None:
        """Make partitions of an external table point at their locations, whether they were there or not.

        Raises PartlyRefused with those that are refused, when all others are set.
        """
        retried(lambda: self._set_external_partitions(table, locations))

    def _set_external_partitions(self, table: str, locations: Mapping[Partition, str]) -> None:
        with self.autocommit() as cursor:
            set_partitions(cursor, table, locations)


def _rows(count: int) -> str:
    return f"{count:,} row" if count == 1 else f"{count:,} rows"
