"""The types of columns, as Redshift understands what a statement declares."""

from __future__ import annotations

from sqlglot import exp
from sqlglot.errors import SqlglotError

from pipeline.core.errors import PipelineError
from pipeline.core.warehouse.statements import Column


def redshift_type(column: Column) -> exp.DataType:
    """Return a column's type as declared. Raises PipelineError if there is no such type."""
    try:
        return exp.DataType.build(column.type, dialect="redshift")
    except (SqlglotError, ValueError) as error:
        raise PipelineError(f"The type {column.type} of the column {column.name} is not supported.") from error


def as_redshift_declares(kind: exp.DataType) -> exp.DataType:
    """Return a type with what Redshift takes for granted where DuckDB takes something else."""
    sizes = [size.name.upper() for size in kind.expressions]
    if kind.is_type("decimal") and not sizes:
        return exp.DataType.build("decimal(18, 0)")
    if kind.is_type("varchar") and sizes == ["MAX"]:
        return exp.DataType.build("varchar(65535)")
    return kind


def declared_length(kind: exp.DataType) -> int:
    """Return how many bytes a column of a type may hold, or 0 where the type is no text."""
    return 256 if kind.is_type("varchar", "text") and not kind.expressions else varchar_length(kind)


def varchar_length(kind: exp.DataType) -> int:
    """Return how many bytes a varchar(n) may have, or 0 for any other type."""
    is_limited = kind.is_type("varchar", "char", "nchar", "nvarchar") and kind.expressions
    return int(as_redshift_declares(kind).expressions[0].name) if is_limited else 0
