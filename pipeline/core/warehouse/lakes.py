"""Which lake the external tables of a warehouse lie in."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pipeline.core import config
from pipeline.core.errors import PipelineError, SettingError
from pipeline.core.lake import Dataset, Lake
from pipeline.core.sql_files import read_sql, table_files
from pipeline.core.sql_text import statements
from pipeline.core.warehouse.base import Cursor, Warehouse
from pipeline.core.warehouse.external import literal, within_quotes
from pipeline.core.warehouse.grammar import parse
from pipeline.core.warehouse.statements import CreateExternalTable, TableName


def lake_root() -> str:
    return config.lake().root.rstrip("/")


def located(text: str) -> str:
    """Return the text of a file with the lake's root and the role that reads it, where nothing can be bound."""
    role = config.warehouse().spectrum_role
    try:
        text = text.replace("%(lake_root)s", within_quotes(lake_root()))
    except ValueError as error:
        raise SettingError(
            f"[lake] root = {lake_root()}: expected a path without backslashes and control characters"
        ) from error
    return text.replace("%(spectrum_role)s", "DEFAULT" if role == "default" else literal(role))


def check_lake(cursor: Cursor) -> None:
    """Raise SettingError if the external tables of a warehouse lie elsewhere than in the lake in force."""
    all_declared = list(_external_tables())
    cursor.execute(_shown_query(all_declared))
    found = {TableName(schema, name): location for schema, name, location in cursor.fetchall()}
    for declared in all_declared:
        location = found.get(declared.table, declared.location)
        if location.rstrip("/") != declared.location.rstrip("/"):
            raise SettingError(
                f"[warehouse] url: {declared.table} was made for the lake at {location}, and [lake] root is"
                f" {lake_root()}. Give the new lake a warehouse and an external database of its own, or put [lake] root"
                " back."
            )


def refuse_hidden(warehouse: Warehouse, lake: Lake) -> None:
    """Raise PipelineError if an external table is not shown whose partitions may point at what is in the lake."""
    all_declared = list(_external_tables())
    shown = {TableName(schema, name) for schema, name, _ in warehouse.query(_shown_query(all_declared))}
    for table, location in ((one.table, one.location) for one in all_declared):
        dataset = Dataset.parse(location.removeprefix(lake_root()).strip("/"))
        if table not in shown and lake.committed_partitions(dataset):
            raise PipelineError(
                f"{warehouse}: {table} is not shown to the user who asks, and {dataset} has partitions that it may"
                f" point at. Have its owner GRANT USAGE ON SCHEMA {table.schema} to that user, run this as the owner,"
                " or run lakeshift migrate if it was never made. Nothing was removed."
            )


def _shown_query(declared: Sequence[CreateExternalTable]) -> str:
    """Return the query of the external tables that are shown, in the schemas of those that sql/ declares."""
    # Redshift asks the catalogue of every other schema too, which may be slow, away, or another team's.
    schemas = ", ".join(literal(schema) for schema in sorted({one.table.schema for one in declared})) or "NULL"
    return f"SELECT schemaname, tablename, location FROM svv_external_tables WHERE schemaname IN ({schemas})"  # noqa: S608 - literals


def _external_tables() -> Iterator[CreateExternalTable]:
    for file in table_files():
        for statement in statements(located(read_sql(file))):
            external = parse(statement)
            if isinstance(external, CreateExternalTable):
                yield external
