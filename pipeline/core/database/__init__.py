"""The only door to PostgreSQL. A connection lasts one transaction; none is kept, and none crosses a fork."""

from pipeline.core import config
from pipeline.core.database.postgres import Database
from pipeline.core.embedded import is_made, start_postgres
from pipeline.core.sql_files import database_files, read_sql
from pipeline.core.sql_text import statements

__all__ = ["Database", "database", "due_statements"]


def database() -> Database:
    """Return the PostgreSQL of luigi.cfg; the embedded one is started if it is not running."""
    settings = config.database()
    if settings.url == "embedded":
        return Database(start_postgres(settings.data), wait_seconds=settings.wait_seconds)
    return Database(settings.url, settings.secret_id, settings.wait_seconds)


def due_statements() -> list[str]:
    """Return the statements that a migration would execute; no embedded server is made for that."""
    settings = config.database()
    if settings.url == "embedded" and not is_made(settings.data):
        return [statement for file in database_files() for statement in statements(read_sql(file))]
    return database().migrate(dry_run=True)
