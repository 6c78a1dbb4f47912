"""An embedded PostgreSQL for a test session, and an empty database in it for a test that wants its own."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg2
import pytest

from pipeline.core.database import Database
from pipeline.core.embedded import start_postgres, stop_postgres


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """Return the URL of a server that lives as long as the session."""
    folder = Path(tempfile.mkdtemp(prefix="lakeshift-test-"))
    try:
        yield start_postgres(folder / "postgres")
    finally:
        stop_postgres(folder / "postgres")
        shutil.rmtree(folder)


@pytest.fixture
def postgres(postgres_url: str) -> Iterator[Database]:
    """Return an empty database with etl_load, gone after the test."""
    _run(postgres_url, "CREATE DATABASE test")
    database = Database(postgres_url.replace("/postgres?", "/test?"))
    database.create_tables("tables.sql")
    yield database
    _run(postgres_url, "DROP DATABASE test WITH (FORCE)")


def _run(url: str, statement: str) -> None:
    connection = psycopg2.connect(url)
    connection.autocommit = True
    try:
        connection.cursor().execute(statement)
    finally:
        connection.close()
