"""Reads a statement word by word."""

from __future__ import annotations

from collections.abc import Callable
from typing import NoReturn, TypeVar

from pipeline.core.errors import PipelineError
from pipeline.core.sql_text import opening, words
from pipeline.core.warehouse.statements import TableName

T = TypeVar("T")


class Reader:
    """The words of a statement that are still to be read; it refuses those that it does not expect."""

    def __init__(self, statement: str) -> None:
        self.statement = statement
        self.rest = words(statement)

    def take(self, *expected: str) -> bool:
        """Return whether the next words are these, and step over them if so."""
        found = [word.upper() for word in self.rest[: len(expected)]]
        if found != list(expected):
            return False
        del self.rest[: len(expected)]
        return True

    def expect(self, *expected: str) -> None:
        if not self.take(*expected):
            self.refuse(f"expected {' '.join(expected)}")

    def next(self) -> str:
        return self.rest.pop(0) if self.rest else self.refuse("it ends too early")

    def name(self) -> str:
        word = self.next()
        if word.startswith('"'):
            return word[1:-1].replace('""', '"').lower()
        return word.lower() if word.isidentifier() else self.refuse(f"expected a name, not {word}")

    def table(self) -> TableName:
        first = self.name()
        return TableName(first, self.name()) if self.take(".") else TableName("public", first)

    def text(self) -> str:
        word = self.next()
        if not word.startswith("'"):
            self.refuse(f"expected a text in quotes, not {word}")
        return word[1:-1].replace("''", "'")

    def list(self, item: Callable[[], T]) -> tuple[T, ...]:
        """Return the items between the next parentheses."""
        self.expect("(")
        items = [item()]
        while self.take(","):
            items.append(item())
        self.expect(")")
        return tuple(items)

    def end(self) -> None:
        if self.rest:
            self.refuse(f"{' '.join(self.rest[:4])} is not supported here")

    def refuse(self, reason: str) -> NoReturn:
        raise PipelineError(f"{opening(self.statement)}: {reason}. The embedded warehouse refuses the statement.")
