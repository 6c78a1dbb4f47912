"""From a statement of Redshift to one of DuckDB, or a refusal that names it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from pipeline.core.errors import PipelineError
from pipeline.core.sql_text import opening, statements, words
from pipeline.core.warehouse.embedded.literals import with_values
from pipeline.core.warehouse.embedded.semantics import as_redshift_means

# Everything else is refused: TRUNCATE commits in Redshift, COPY and UNLOAD move files, SET has other names.
KINDS = (exp.Query, exp.Insert, exp.Update, exp.Delete, exp.Merge, exp.Create, exp.Drop, exp.Alter, exp.Analyze)
# What sqlglot warns of is refused below.
logging.getLogger("sqlglot").setLevel(logging.ERROR)


class Translation(NamedTuple):
    """A statement in DuckDB's SQL, and whether it returns rows."""

    sql: str
    is_query: bool


def translate(statement: str, params: Mapping[str, Any], rewrite: Callable[[exp.Expr], exp.Expr]) -> Translation:
    """Return a statement in DuckDB's SQL, with the values of its parameters.

    `rewrite` may change the statement on the way. Raises PipelineError at one that has no translation.
    """
    tree = _tree(statement)
    try:
        tree = with_values(tree, params)
    except PipelineError as error:
        raise PipelineError(f"{opening(statement)}: {error}") from error
    tree = rewrite(tree)
    try:
        sql = tree.sql("duckdb", unsupported_level=sqlglot.ErrorLevel.RAISE)
    except SqlglotError as error:
        raise refusal(statement, str(error).splitlines()[0]) from error
    return Translation(sql, isinstance(tree, exp.Query))


def refusal(statement: str, reason: str) -> PipelineError:
    """Return the error for a statement that the embedded warehouse does not run."""
    return PipelineError(f"{opening(statement)}: {reason}. The embedded warehouse refuses the statement.")


def _tree(statement: str) -> exp.Expr:
    if len(list(statements(statement))) != 1:
        raise refusal(statement, "one statement at a time")
    try:
        tree = sqlglot.parse_one(statement, read="redshift")
    except SqlglotError as error:
        found = getattr(error, "errors", None) or [{"description": str(error)}]
        raise refusal(statement, f"it cannot be read: {found[0]['description']}") from error
    if not isinstance(tree, KINDS):
        raise refusal(statement, f"{words(statement)[0].upper()} is not supported like this")
    return as_redshift_means(tree)
