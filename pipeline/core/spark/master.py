"""A master of Spark's own (spark://...): how a driver reaches it, and how its workers reach the driver."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from urllib.parse import urlsplit

from tenacity import Retrying, retry_if_exception_type, stop_after_delay, wait_fixed

from pipeline.core.errors import JobFailed
from pipeline.core.kinds import is_standalone

LOOPBACK = "127.0.0.1"
CONNECT_SECONDS = 5
# A master that is restarted is there again within a few seconds.
PATIENCE_SECONDS = 15
# Where a session keeps how long its jobs wait for an executor.
WAIT_SETTING = "spark.lakeshift.waitSeconds"


def own_address(master: str) -> str:
    """Return the address of this host at which the workers of a master find its driver: loopback, if it has none.

    Raises JobFailed if no master answers.
    """
    if not is_standalone(master):
        return LOOPBACK
    tries = Retrying(
        retry=retry_if_exception_type(OSError),
        stop=stop_after_delay(PATIENCE_SECONDS),
        wait=wait_fixed(1),
        reraise=True,
    )
    try:
        return tries(_address_towards, master)
    except OSError as error:
        cause = error.strerror or error
        raise JobFailed(
            f"the Spark master at {master} does not answer ({cause}): start it, or mend [jobs] master"
        ) from error


def not_taken(master: str, version: str) -> str:
    """Return what is to be said where a session was stopped before it had anything of its master."""
    return (
        f"the Spark master at {master} did not take the application."
        f" Is it one, of Spark {version}, with the same secret? Look at its log"
    )


def _address_towards(master: str) -> str:
    """Return the address from which the first master that answers is reached. Raises OSError if none does."""
    last = OSError("no address")
    for host, port in _addresses(master):
        # Spark itself speaks IPv4, unless its JVM is told otherwise.
        with socket.socket(socket.AF_INET) as connection:
            connection.settimeout(CONNECT_SECONDS)
            try:
                connection.connect((host, port))
                return connection.getsockname()[0]
            except OSError as error:
                last = error
    raise last


def _addresses(master: str) -> Iterator[tuple[str, int]]:
    """Yield the host and port of a master, and of each that stands by for it."""
    for one in master.removeprefix("spark://").split(","):
        url = urlsplit(f"//{one}")
        yield url.hostname or "", url.port or 0
