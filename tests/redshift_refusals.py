"""Errors of the embedded warehouse, as Redshift words them."""

from __future__ import annotations

import re

import duckdb
from redshift_wire import Refused
from sqlglot.errors import ParseError, TokenError

UNREADABLE = (ParseError, TokenError, duckdb.ParserException)
CANCELLED = Refused("57014", "Query (1) cancelled on user's request")


def as_redshift_says(error: Exception) -> Refused:
    """Return an error of the embedded warehouse with the code that Redshift gives."""
    cause = error.__cause__ if isinstance(error.__cause__, (duckdb.Error, *UNREADABLE)) else error
    message = str(error).splitlines()[0]
    if isinstance(cause, duckdb.InterruptException):
        return CANCELLED
    if isinstance(cause, UNREADABLE):
        return _syntax_error(cause)
    if isinstance(cause, duckdb.TransactionException):
        return not_serialisable("100")
    schema = re.search(r'because schema "(\w+)" does not exist', message)
    if schema:
        return Refused("3F000", f'schema "{schema[1]}" does not exist')
    table = re.search(r'Table with name "?([\w.]+)"? does not exist|has no external table ([\w.]+)\.', message)
    if table:
        return Refused("42P01", f'relation "{table[1] or table[2]}" does not exist')
    if "inside a transaction block" in message:
        return Refused("25001", message)
    return Refused("42601" if "refuses the statement" in message else "XX000", message)


def _syntax_error(error: Exception) -> Refused:
    near = error.errors[0]["highlight"] if isinstance(error, ParseError) and error.errors else ""
    return Refused("42601", f'syntax error at or near "{near}"' if near else "syntax error at end of input")


def not_serialisable(table: str) -> Refused:
    detail = f"Serializable isolation violation on table - {table}, transactions forming the cycle are: 1, 2 (pid:1)"
    return Refused("XX000", "1023", detail)
