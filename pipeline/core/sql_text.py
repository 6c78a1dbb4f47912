"""The statements in a text of SQL."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

# What may hold a semicolon without ending the statement: comments, texts, quoted names.
TOKEN = re.compile(
    r"""--[^\n]*|/\*.*?\*/|'(?:[^'\\]|''|\\.)*'|"(?:[^"]|"")*"|\w+|\s+|.""",
    re.DOTALL,
)

INSERT = re.compile(r"INSERTINTO(?P<table>[\w.]+)\((?P<columns>[\w,]+)\)VALUES\((?P<values>.*)\);?", re.IGNORECASE)


def statements(text: str) -> Iterator[str]:
    """Yield the statements of a text, each with the comments before it and without its semicolon."""
    parts: list[str] = []
    for part in [*TOKEN.findall(text), ";"]:
        if part != ";":
            parts.append(part)
            continue
        statement = "".join(parts).strip()
        if words(statement):
            yield statement
        parts = []


def words(statement: str) -> list[str]:
    """Return the words, texts and signs of a statement, without its spaces and comments."""
    return [token for token in TOKEN.findall(statement) if not token.isspace() and not token.startswith(("--", "/*"))]


def opening(statement: str) -> str:
    """Return how a statement begins, on one line, for a message."""
    parts = [" " if part.isspace() or part.startswith(("--", "/*")) else part for part in TOKEN.findall(statement)]
    line = " ".join("".join(parts).split())
    return line if len(line) <= 80 else f"{line[:77]}..."


def text(value: str) -> str:
    """Return a text as DuckDB has it."""
    quoted = value.replace("'", "''")
    return f"'{quoted}'"


def texts(values: Iterable[str]) -> str:
    """Return a list of texts as DuckDB has it."""
    return f"[{', '.join(map(text, values))}]"


def inserted_columns(statement: str, table: str) -> list[str]:
    """Return the columns that an INSERT of one row into a table fills, each with the parameter of its own name.

    Such a statement can be run as COPY for many rows. Raises ValueError if it is another one.
    """
    found = INSERT.fullmatch("".join(words(statement)))
    columns = found["columns"].split(",") if found else []
    if not found or found["table"] != table or found["values"] != ",".join(f"%({column})s" for column in columns):
        raise ValueError(f"no INSERT of a row into {table}: {opening(statement)}")
    return columns
