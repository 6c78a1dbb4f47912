"""Which conditions of a statement select partitions of an external table, before any of it is read."""

from __future__ import annotations

from collections.abc import Iterator

from sqlglot import exp


def conditions_on(node: exp.Table, keys: set[str]) -> list[exp.Expr]:
    """Return the conditions about nothing but the partition keys of a table that none of its rows may break."""
    select = node.parent_select
    # An alias may give the columns other names.
    if not isinstance(select, exp.Select) or node.alias_column_names:
        return []
    is_alone = not select.args.get("joins")
    return [
        condition
        for condition in _conditions(node, select)
        if _is_about(condition, node.alias_or_name.lower(), keys, is_alone)
    ]


def _conditions(node: exp.Table, select: exp.Select) -> Iterator[exp.Expr]:
    join = node.parent if isinstance(node.parent, exp.Join) else None
    sides = {other.side for other in select.args.get("joins") or ()}
    if join is not None and join.side in ("", "LEFT"):
        yield from _parts(join.args.get("on"))
    # An outer join fills in for the rows that its condition drops, so WHERE may not drop them before it.
    is_filled_in = sides & {"RIGHT", "FULL"} or (join is not None and join.side)
    where = select.args.get("where")
    if where is not None and not is_filled_in:
        yield from _parts(where.this)


def _parts(condition: exp.Expr | None) -> Iterator[exp.Expr]:
    """Yield what an AND, or none, holds together."""
    if isinstance(condition, exp.Paren):
        yield from _parts(condition.this)
    elif isinstance(condition, exp.And):
        yield from _parts(condition.left)
        yield from _parts(condition.right)
    elif condition is not None:
        yield condition


def _is_about(condition: exp.Expr, alias: str, keys: set[str], is_alone: bool) -> bool:
    columns = list(condition.find_all(exp.Column))
    if not columns or condition.find(exp.Query):
        return False
    return all(
        column.name.lower() in keys and (column.table.lower() == alias or (not column.table and is_alone))
        for column in columns
    )
