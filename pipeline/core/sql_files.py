"""The only door to the files of sql/, which are installed beside the packages."""

from __future__ import annotations

from importlib.resources import files


def read_sql(file: str) -> str:
    """Return the text of a file of sql/, such as user_behaviour/user_behavior_metric.sql."""
    return files("sql").joinpath(file).read_text(encoding="utf-8")


def table_files() -> list[str]:
    """Return the files that create tables of the warehouse: that of all pipelines first, then one a pipeline."""
    return _files("tables.sql")


def database_files() -> list[str]:
    """Return the files that create tables of PostgreSQL: that of all pipelines first, then one a pipeline."""
    return _files("database.sql")


def _files(name: str) -> list[str]:
    folder = files("sql")
    pipelines = sorted(entry.name for entry in folder.iterdir() if entry.joinpath(name).is_file())
    return ["tables.sql", *(f"{pipeline}/{name}" for pipeline in pipelines)]
