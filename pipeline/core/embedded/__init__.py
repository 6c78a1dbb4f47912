"""The servers that run on a laptop: PostgreSQL from a wheel, and Luigi's scheduler with its visualiser.

Both start on demand, outlive the process that started them, and stay up until they are stopped.
"""

from pipeline.core.embedded.luigid import luigid_address, start_luigid, stop_luigid
from pipeline.core.embedded.postgres import postgres_address, start_postgres, stop_postgres

__all__ = ["addresses", "start_luigid", "start_postgres", "stop_luigid", "stop_postgres"]


def addresses() -> dict[str, str]:
    """Return the URL of each server that is running, by its name."""
    found = {"PostgreSQL": postgres_address(), "luigid": luigid_address()}
    return {name: url for name, url in found.items() if url}
