"""Holds the columns that a table has against those that it is declared with, and says what is due."""

from __future__ import annotations

from typing import NamedTuple

# The type of each column, spelled in one way.
Types = dict[str, str]


class Comparison(NamedTuple):
    """What a table lacks of what is declared, and what else is different, in words."""

    missing: Types
    differences: list[str]


class Change(NamedTuple):
    """A statement that is due, and what was made once it has run."""

    sql: str
    what: str


def compare(found: Types, declared: Types) -> Comparison:
    """Return how a table that is there differs from its declaration."""
    changed = [
        f"{name} is {found[name]}, and declared as {kind}"
        for name, kind in declared.items()
        if found.get(name, kind) != kind
    ]
    undeclared = [f"{name} is {kind}, and not declared" for name, kind in found.items() if name not in declared]
    missing = {name: kind for name, kind in declared.items() if name not in found}
    return Comparison(missing, changed + undeclared)
