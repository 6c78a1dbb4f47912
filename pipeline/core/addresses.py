"""Where a database is and who goes there, read from its URL."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from ipaddress import ip_address
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit

REDSHIFT_PORT = 5439


@dataclass(frozen=True)
class RedshiftAddress:
    """A Redshift and a database in it; no password means that IAM gives one."""

    host: str
    port: int
    database: str
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    has_tls: bool = True

    @classmethod
    def of_url(cls, url: str) -> RedshiftAddress:
        """Return the address in redshift://[user[:password]]@host[:port]/database. Raises ValueError if it is none."""
        parts = urlsplit(url)
        database = unquote(parts.path.removeprefix("/"))
        if parts.scheme != "redshift" or not parts.hostname or not database or "/" in database:
            raise ValueError("no URL of a Redshift")
        # A password that nobody escaped ends at its own @, / or ?, and the rest of it lands where it would be shown.
        if "@" in parts.path or parts.netloc.count("@") > 1 or parts.fragment or re.search(r"\s", url):
            raise ValueError("a password with signs that are not percent-encoded")
        return cls(
            parts.hostname,
            parts.port or REDSHIFT_PORT,
            database,
            unquote(parts.username) if parts.username else None,
            unquote(parts.password) if parts.password else None,
            _has_tls(parts),
        )

    def __str__(self) -> str:
        return f"Redshift at {self.host}:{self.port}/{self.database}"


def is_here(host: str) -> bool:
    """Say whether a host is this machine, which needs no encryption to be reached."""
    if host == "localhost" or host.startswith("/"):
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _has_tls(parts: SplitResult) -> bool:
    options = parse_qs(parts.query, keep_blank_values=True)
    if not options:
        return True
    if options != {"sslmode": ["disable"]} or not is_here(parts.hostname or ""):
        raise ValueError("the only option is sslmode=disable, on a loopback address")
    return False
