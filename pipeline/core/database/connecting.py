"""Connects to a PostgreSQL server: who logs in, and over what."""

from __future__ import annotations

import os
from typing import Any

import psycopg2
from psycopg2 import extensions

from pipeline.core import secrets
from pipeline.core.addresses import is_here
from pipeline.core.config import masked
from pipeline.core.errors import PipelineError, Retryable, SettingError, SourceUnavailable

# What a URL says itself comes before these. A peer that vanished is noticed in minutes, and not in hours.
CONNECTION = {"connect_timeout": 10, "application_name": "lakeshift", "keepalives_idle": 60}
# And these after it: rows are copied as bytes, and those are UTF-8 on our side.
ENCODING = {"client_encoding": "UTF8"}
HERE = "localhost"
PASSING = ("too many clients", "remaining connection slots", "the database system is")
REFUSED = ("password authentication failed", "no password supplied")
INSECURE = ("certificate", "does not support SSL", "SSL error")
# None of them holds an @ but as the end of a password, which is then cut at its own @ or /.
AFTER_PASSWORD = ("host", "port", "dbname")


class Connector:
    """A PostgreSQL database, and who logs in: as the URL says, or a secret."""

    def __init__(self, url: str, secret_id: str = "") -> None:
        self.secret_id = secret_id
        try:
            self.place = extensions.parse_dsn(url)
        except psycopg2.ProgrammingError:
            # Its text holds what could not be read, which may be a password.
            raise SettingError(f"[database] url = {masked(url)}: expected postgresql://user@host/database") from None
        if any("@" in self.place.get(part, "") for part in AFTER_PASSWORD):
            raise SettingError(
                "[database] url: a password with @, / or : in it is written percent-encoded (%40, %2F, %3A)"
            )

    def connect(self) -> Any:
        """Return a new connection. Raises Retryable, SourceUnavailable or SettingError, by what is in the way."""
        try:
            return psycopg2.connect(**self.arguments())
        except psycopg2.OperationalError as error:
            if not (self._has_secret and _says(error, REFUSED)):
                raise self._unreachable(error) from error
        # The password may have been changed since the secret was read.
        secrets.forget()
        try:
            return psycopg2.connect(**self.arguments())
        except psycopg2.OperationalError as error:
            raise self._unreachable(error) from error

    def arguments(self) -> dict[str, Any]:
        """Return what psycopg2 connects with."""
        return CONNECTION | self._tls() | self._login() | self.place | ENCODING

    @property
    def _has_secret(self) -> bool:
        return bool(self.secret_id) and "password" not in self.place

    def _login(self) -> dict[str, str]:
        if not self._has_secret:
            return {}
        login = secrets.login_of(self.place.get("user"), self.secret_id, "[database] url")
        return {"user": login.user, "password": login.password}

    def _tls(self) -> dict[str, str]:
        # libpq's own default encrypts if the server likes to, and asks nobody who the server is.
        return {} if all(map(is_here, self._hosts())) else {"sslmode": "verify-full"}

    def _hosts(self) -> list[str]:
        """Return the names and the addresses that libpq goes by, and the service whose file may name others."""
        given = [
            self._given("host", "PGHOST"),
            self._given("hostaddr", "PGHOSTADDR"),
            self._given("service", "PGSERVICE"),
        ]
        return ",".join(filter(None, given)).split(",") if any(given) else [HERE]

    def _given(self, key: str, variable: str) -> str | None:
        return self.place.get(key) or os.environ.get(variable)

    def _unreachable(self, error: psycopg2.OperationalError) -> PipelineError:
        if _says(error, INSECURE):
            return SettingError(
                f"{self}: no secure connection, so nothing was sent. Name the authorities to trust in [database]"
                f" url with ?sslrootcert=<file>; for RDS they are at https://truststore.pki.rds.amazonaws.com. {error}"
            )
        return (Retryable if _says(error, PASSING) else SourceUnavailable)(
            f"{self} cannot be reached. Is it up, and is [database] url in luigi.cfg right? {error}"
        )

    def address(self) -> tuple[str, str, str]:
        """Return the host, or the folder of a socket, the port and the database."""
        return self._hosts()[0], str(self.place.get("port", 5432)), self.place.get("dbname", "")

    def __str__(self) -> str:
        host, port, database = self.address()
        return f"PostgreSQL at {host}{'' if host.startswith('/') else f':{port}'}/{database}"


def _says(error: Exception, texts: tuple[str, ...]) -> bool:
    return any(text in str(error) for text in texts)
