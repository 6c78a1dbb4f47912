"""The servers that run on a laptop: PostgreSQL from a wheel, and Luigi's scheduler with its visualiser.

Both start on demand, outlive the process that started them, and stay up until they are stopped.
"""

from pipeline.core.embedded.luigid import start_luigid, stop_luigid
from pipeline.core.embedded.postgres import is_made, start_postgres, stop_postgres

__all__ = ["is_made", "start_luigid", "start_postgres", "stop_luigid", "stop_postgres"]
