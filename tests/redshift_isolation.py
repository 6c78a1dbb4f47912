"""Serializable isolation as Redshift has it: by whole tables, whatever the rows.

A database of isolation level SNAPSHOT is not as strict; what succeeds here succeeds there.
https://docs.aws.amazon.com/redshift/latest/dg/c_serial_isolation.html
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import sqlglot
from redshift_refusals import not_serialisable
from sqlglot import exp

CHANGES = (exp.Insert, exp.Update, exp.Delete, exp.Merge)


@dataclass
class Footprint:
    """The tables that one transaction read and wrote, and how many others had ended when it began."""

    began_after: int
    read: set[str] = field(default_factory=set)
    written: set[str] = field(default_factory=set)

    def note(self, sql: str) -> None:
        """Add the tables of a statement."""
        tree = sqlglot.parse_one(sql, read="redshift")
        tables = [f"{table.db or 'public'}.{table.name}".lower() for table in tree.find_all(exp.Table)]
        if isinstance(tree, CHANGES):
            self.written.add(tables[0])
        # DELETE and UPDATE look at the rows that they change.
        self.read.update(tables[1:] if isinstance(tree, exp.Insert) else tables)


class Isolation:
    """The transactions that ended, in order."""

    def __init__(self) -> None:
        self.ended: list[Footprint] = []
        self.turn = threading.Lock()

    def begin(self) -> Footprint:
        return Footprint(began_after=len(self.ended))

    @contextmanager
    def ending(self, mine: Footprint) -> Iterator[None]:
        """Let a transaction commit. Raises Refused if it and another would each have to come before the other."""
        with self.turn:
            for other in self.ended[mine.began_after :]:
                if other.written & mine.read and other.read & mine.written:
                    raise not_serialisable(min(other.written & mine.read))
            yield
            self.ended.append(mine)
