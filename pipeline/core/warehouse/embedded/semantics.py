"""Where Redshift and DuckDB understand the same words differently, and sqlglot does not say so."""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce

from sqlglot import exp

from pipeline.core.warehouse.types import as_redshift_declares, declared_length, varchar_length

# How Redshift spreads, sorts and packs rows changes no result.
LAYOUT = (exp.DistKeyProperty, exp.DistStyleProperty, exp.SortKeyProperty, exp.EncodeColumnConstraint)
# Redshift accepts keys, and enforces none.
KEYS = (exp.PrimaryKey, exp.PrimaryKeyColumnConstraint, exp.UniqueColumnConstraint, exp.ForeignKey, exp.Reference)


def as_redshift_means(tree: exp.Expr) -> exp.Expr:
    """Return a statement that gives in DuckDB what it gives in Redshift."""
    tree = tree.transform(_meaning)
    if isinstance(tree, exp.Create):
        _drop_layout_and_keys(tree)
        for column in tree.find_all(exp.ColumnDef):
            _limit_length(column)
    return tree


def _meaning(node: exp.Expr) -> exp.Expr:
    if isinstance(node, exp.DataType):
        return as_redshift_declares(node)
    if isinstance(node, exp.Concat):
        # NULL and anything is NULL, where DuckDB's concat leaves NULL out.
        return reduce(lambda left, right: exp.DPipe(this=left, expression=right), node.expressions)
    if isinstance(node, exp.CurrentTimestamp) and not isinstance(node.parent, exp.Cast):
        # The present in UTC, without a zone.
        return exp.cast(exp.CurrentTimestamp(), "timestamp")
    if isinstance(node, exp.Window) and isinstance(node.this, exp.Avg):
        return _average(node.this, lambda value: _over(node, value))
    if isinstance(node, exp.Avg) and not isinstance(node.parent, exp.Window):
        return _average(node, lambda value: value)
    if isinstance(node, exp.Cast) and not isinstance(node.this, exp.CurrentTimestamp):
        length = varchar_length(node.to)
        return exp.Left(this=exp.cast(node.this, "text"), expression=exp.Literal.number(length)) if length else node
    return node


def _over(window: exp.Window, value: exp.Expr) -> exp.Expr:
    """Return another value over the same window."""
    other = window.copy()
    other.set("this", value)
    return other


def _average(average: exp.Avg, over: Callable[[exp.Expr], exp.Expr]) -> exp.Expr:
    """Return sum / count: an average of whole numbers is a whole number, as their division is."""
    total, count = over(exp.Sum(this=average.this.copy())), over(exp.Count(this=average.this.copy()))
    return exp.paren(exp.Div(this=total, expression=count, typed=True), copy=False)


def _drop_layout_and_keys(create: exp.Create) -> None:
    for node in list(create.find_all(*LAYOUT, *KEYS)):
        parent = node.parent
        (parent if isinstance(parent, (exp.ColumnConstraint, exp.Constraint)) else node).pop()
    properties = create.args.get("properties")
    if properties is not None and not properties.expressions:
        properties.pop()


def _limit_length(column: exp.ColumnDef) -> None:
    """Refuse texts that are longer than declared, which DuckDB would keep whole. Redshift counts bytes."""
    kind = column.args.get("kind")
    length = declared_length(kind) if kind else 0
    if length:
        size = exp.Anonymous(this="strlen", expressions=[exp.column(column.this.copy())])
        limit = exp.CheckColumnConstraint(this=exp.LTE(this=size, expression=exp.Literal.number(length)))
        column.append("constraints", exp.ColumnConstraint(kind=limit))
