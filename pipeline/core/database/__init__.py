"""The only door to PostgreSQL. A connection lasts one transaction; none is kept, and none crosses a fork."""

from pipeline.core import config
from pipeline.core.database.postgres import Database
from pipeline.core.embedded import start_postgres

__all__ = ["Database", "database"]


def database() -> Database:
    """Return the PostgreSQL of luigi.cfg; the embedded one is started if it is not running."""
    settings = config.database()
    if settings.url == "embedded":
        return Database(start_postgres(settings.data), wait_seconds=settings.wait_seconds)
    return Database(settings.url, settings.secret_id, settings.wait_seconds)
