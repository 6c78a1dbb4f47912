"""The values of parameters, put into a statement's tree as literals of their types.

DuckDB's client imports pandas, which takes up to a second, to look at the first value that it binds.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from decimal import Decimal
from functools import singledispatch
from typing import Any, TypeVar

from sqlglot import exp

from pipeline.core.errors import PipelineError

T = TypeVar("T", bound=exp.Expr)


def with_values(tree: T, values: Mapping[str, Any]) -> T:
    """Put values in the place of a statement's parameters. Raises PipelineError naming those that have none."""
    places = list(tree.find_all(exp.Placeholder, exp.Parameter))
    missing = {place.name for place in places} - values.keys()
    if missing:
        raise PipelineError(f"no value was given for {', '.join(sorted(missing))}")
    for place in places:
        place.replace(literal(values[place.name]))
    return tree


@singledispatch
def literal(value: Any) -> exp.Expr:
    """Return a value as a literal of its type. Raises PipelineError at one that has no type in SQL."""
    raise PipelineError(f"no value for SQL: {value!r}")


@literal.register(bool)
@literal.register(type(None))
def _(value: bool | None) -> exp.Expr:
    return exp.convert(value)


@literal.register
def _(value: int) -> exp.Expr:
    # Without parentheses a sign could be read together with what stands before it.
    return exp.paren(exp.convert(value)) if value < 0 else exp.convert(value)


@literal.register
def _(value: str) -> exp.Expr:
    if "\0" in value:
        raise PipelineError(f"no value for SQL: {value!r}")
    return exp.Literal.string(value)


@literal.register
def _(value: float) -> exp.Expr:
    return exp.cast(exp.Literal.string(repr(value)), "double")


@literal.register
def _(value: Decimal) -> exp.Expr:
    _, digits, exponent = value.as_tuple()
    if not isinstance(exponent, int):
        raise PipelineError(f"no value for SQL: {value!r}")
    scale = max(0, -exponent)
    precision = max(1, scale, len(digits) + max(0, exponent))
    return exp.cast(exp.Literal.string(f"{value:f}"), f"decimal({precision}, {scale})")


@literal.register
def _(value: datetime.date) -> exp.Expr:
    return exp.cast(exp.Literal.string(value.isoformat()), "date")


@literal.register
def _(value: datetime.datetime) -> exp.Expr:
    kind = "timestamp" if value.tzinfo is None else "timestamptz"
    return exp.cast(exp.Literal.string(value.isoformat(sep=" ")), kind)


@literal.register
def _(value: list) -> exp.Expr:
    return exp.Array(expressions=[literal(each) for each in value])
