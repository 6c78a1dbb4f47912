"""The statements in a text of SQL, and their parameters."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from pipeline.core.errors import PipelineError

# What may hold a semicolon without ending the statement, or a parameter that is none: comments, texts, quoted names.
CLOSED = r"""--[^\n]*|/\*.*?\*/|'(?:[^'\\]|''|\\.)*'|"(?:[^"]|"")*\""""
TOKEN = re.compile(rf"{CLOSED}|\w+|\s+|.", re.DOTALL)
PARAMETER = re.compile(rf"{CLOSED}|%\((?P<name>\w+)\)s", re.DOTALL)

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


def with_lists(statement: str, params: Mapping[str, Any]) -> tuple[str, Mapping[str, Any]]:
    """Return a statement with a list where a parameter is a tuple, and the parameters that it then has.

    `IN %(days)s` becomes `IN (%(days_0)s, %(days_1)s)`, as psycopg2 has it by itself. Raises PipelineError at an empty
    tuple, since SQL has no empty list.
    """
    given = dict(params)

    def spread(found: re.Match[str]) -> str:
        values = params.get(found["name"])
        if not isinstance(values, tuple):
            return found[0]
        if not values:
            raise PipelineError(f"{opening(statement)}: no value was given for {found['name']}")
        each = {f"{found['name']}_{number}": value for number, value in enumerate(values)}
        given.update(each)
        return f"({', '.join(f'%({name})s' for name in each)})"

    return PARAMETER.sub(spread, statement), given


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
