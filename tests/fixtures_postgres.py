"""An embedded PostgreSQL for a test session, and an empty database in it for a test that wants its own."""

from __future__ import annotations

import select
import shutil
import socket
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psycopg2
import pytest
from psycopg2 import extensions

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
def database_url(postgres_url: str) -> Iterator[str]:
    """Return the URL of an empty database, gone after the test."""
    with new_database(postgres_url, "test") as url:
        yield url


@contextmanager
def new_database(postgres_url: str, name: str, template: str = "template1") -> Iterator[str]:
    """Yield the URL of a database that is empty, or as another that nobody uses, gone at the end."""
    _run(postgres_url, f"CREATE DATABASE {name} TEMPLATE {template}")
    yield postgres_url.replace("/postgres?", f"/{name}?")
    _run(postgres_url, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def postgres(database_url: str) -> Database:
    """Return a database that is empty but for etl_load, gone after the test."""
    database = Database(database_url)
    database.create_tables("tables.sql")
    return database


def _run(url: str, statement: str) -> None:
    connection = psycopg2.connect(url)
    connection.autocommit = True
    try:
        connection.cursor().execute(statement)
    finally:
        connection.close()


class CutAtCommit:
    """A way to a server that cuts the first connection that commits: before COMMIT arrives, or before its answer.

    If it `hurries`, it cuts as soon as COMMIT has arrived, and the server may be at it still.
    """

    def __init__(self, url: str, folder: Path, arrives: bool, hurries: bool) -> None:
        self._server_path = f"{extensions.parse_dsn(url)['host']}/.s.PGSQL.5432"
        self.url = url.partition("?")[0] + f"?host={folder}&port=5432"
        self._arrives, self._hurries = arrives, hurries
        self.has_cut = False
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(f"{folder}/.s.PGSQL.5432")
        self._listener.listen()
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._join, args=(client,), daemon=True).start()

    def _join(self, client: socket.socket) -> None:
        with client, socket.socket(socket.AF_UNIX) as server:
            server.connect(self._server_path)
            while True:
                [source, *_], _, _ = select.select([client, server], [], [])
                data = source.recv(1 << 16)
                if not data:
                    return
                if b"COMMIT\0" in data and not self.has_cut:
                    self.has_cut = True
                    self._cut(server, data)
                    return
                (server if source is client else client).sendall(data)

    def _cut(self, server: socket.socket, commit: bytes) -> None:
        if self._arrives:
            server.sendall(commit)
            if not self._hurries:
                server.recv(1 << 16)


@pytest.fixture
def cut_at_commit(database_url: str) -> Iterator[Callable[..., tuple[Database, CutAtCommit]]]:
    """Return a function that opens the test's database by way of a CutAtCommit, and returns both."""
    opened: list[tuple[CutAtCommit, str]] = []

    def open_one(arrives: bool, hurries: bool = False) -> tuple[Database, CutAtCommit]:
        folder = tempfile.mkdtemp(prefix="lakeshift-cut-")
        way = CutAtCommit(database_url, Path(folder), arrives, hurries)
        opened.append((way, folder))
        return Database(way.url), way

    yield open_one
    for way, folder in opened:
        way.close()
        shutil.rmtree(folder)
