"""Holds the columns that a table has against those that it is declared with."""

from __future__ import annotations

from typing import NamedTuple

# The type of each column, spelled in one way.
Types = dict[str, str]


class Comparison(NamedTuple):
    """What a table lacks of what is declared, and what else is different, in words."""

    missing: Types
    differences: list[str]


def compare(found: Types, declared: Types) -> Comparison:
    """Return how a table that is there differs from its declaration."""
    changed = [
        f"{name} is {found[name]}, and declared as {declared[name]}"
        for name in declared
        if _differ(name, found, declared)
    ]
    undeclared = [f"{name} is {kind}, and not declared" for name, kind in found.items() if name not in declared]
    missing = {name: kind for name, kind in declared.items() if name not in found}
    return Comparison(missing, changed + undeclared)


def _differ(name: str, found: Types, declared: Types) -> bool:
    # DuckDB cannot limit the length of a column that is added to a table; elsewhere every varchar has one.
    is_unlimited = found.get(name) == "VARCHAR" and declared[name].startswith("VARCHAR(")
    return name in found and found[name] != declared[name] and not is_unlimited
