"""The servers that run on a laptop: PostgreSQL from a wheel, and Luigi's scheduler with its visualiser.

Both start on demand, outlive the process that started them, and stay up until they are stopped.
"""

from pipeline.core.embedded.luigid import luigid_address, start_luigid, stop_luigid
from pipeline.core.embedded.postgres import postgres_address, start_postgres, stop_postgres

__all__ = [
    "luigid_address",
    "postgres_address",
    "start_luigid",
    "start_postgres",
    "stop_luigid",
    "stop_postgres",
]
