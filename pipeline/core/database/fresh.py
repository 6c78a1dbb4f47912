"""Tables that are made beside another, to take the place of its rows."""

from __future__ import annotations

from typing import Any

from psycopg2 import sql as names

# What each index of a table is, after the name of that. One of a constraint is made by ATTACH.
INDEXES = """
SELECT
    CASE WHEN indisunique THEN 'UNIQUE ' ELSE '' END,
    substr(pg_get_indexdef(indexrelid), 2 + length(format(
        'CREATE %%sINDEX %%I ON ONLY %%s.%%I', CASE WHEN indisunique THEN 'UNIQUE ' END, indexes.relname,
        tables.relnamespace::regnamespace, tables.relname
    )))
FROM pg_index
JOIN pg_class AS indexes ON indexes.oid = indexrelid
JOIN pg_class AS tables ON tables.oid = indrelid
WHERE indrelid = to_regclass(%(table)s) AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = indexrelid)
"""


def create(cursor: Any, table: str, like: str, partitioned_by: Any = None) -> None:
    """Make an empty table like another; `partitioned_by` is the SQL of what decides in which partition a row is."""
    # The disk is at it while the rows come, and not at COMMIT, when readers wait.
    cursor.execute("SELECT set_config('backend_flush_after', '2MB', true)")
    create = names.SQL("CREATE TABLE {} (LIKE {} INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING STORAGE)")
    partitions = names.SQL(" PARTITION BY LIST (({}))").format(partitioned_by) if partitioned_by else names.SQL("")
    cursor.execute(create.format(named(table), named(like)) + partitions)


def index(cursor: Any, table: str, like: str) -> None:
    """Make the indexes of another table for this one: ATTACH would, while readers wait."""
    for kind, rest in fetched(cursor, INDEXES, {"table": like}):
        create = names.SQL("CREATE {}INDEX ON {} {}")
        cursor.execute(create.format(names.SQL(kind), named(table), names.SQL(rest)))


def analyze(cursor: Any, table: str) -> None:
    """Tell the planner of rows that were just copied."""
    cursor.execute(names.SQL("ANALYZE {}").format(named(table)))


def attach(cursor: Any, table: str, partition: str, bound: str) -> None:
    """Make a table a partition of another."""
    statement = names.SQL("ALTER TABLE {} ATTACH PARTITION {} " + bound)
    cursor.execute(statement.format(named(table), named(partition)))


def drop(cursor: Any, table: str) -> None:
    cursor.execute(names.SQL("DROP TABLE {}").format(named(table)))


def fetched(cursor: Any, sql: str, params: Any = None) -> list[tuple[Any, ...]]:
    cursor.execute(sql, params)
    return cursor.fetchall()


def named(table: str) -> names.Identifier:
    return names.Identifier(*table.split("."))
