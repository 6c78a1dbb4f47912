"""The embedded services, and the settings that they and the runs go by."""

from __future__ import annotations

import re
from collections.abc import Iterator

from pipeline.cli.console import say, show_table

# Luigi's own sections hold passwords of mail servers and databases, and keys of services, under such names.
SECRET = re.compile("password|secret|token|api_?key", re.IGNORECASE)


def up() -> None:
    """Start the embedded PostgreSQL and Luigi's scheduler, and print the addresses of everything."""
    from pipeline.core import config, embedded

    postgres = config.database().url
    is_ours = postgres == "embedded"
    if is_ours:
        postgres = embedded.start_postgres(config.database().data)
    scheduler = embedded.start_luigid()
    rows = [
        ("PostgreSQL" if is_ours else "PostgreSQL (not ours to start)", config.masked(postgres)),
        ("scheduler and visualiser", scheduler),
        ("warehouse", config.masked(config.warehouse().url)),
        ("lake", config.lake().root),
    ]
    show_table(("service", "address"), rows)


def down() -> None:
    """Stop the embedded PostgreSQL and the scheduler; their data stays."""
    from pipeline.core import config, embedded

    stops = {"scheduler": embedded.stop_luigid}
    if config.database().url == "embedded":
        stops["PostgreSQL"] = embedded.stop_postgres
    for name, stop in stops.items():
        say(f"{name}: {'stopped' if stop() else 'was not running'}")


def config() -> None:
    """Print every setting in force and where it comes from; secrets are masked."""
    from pipeline.core.config import in_force

    rows = [(found.section, found.key, found.value, found.origin) for found in in_force()]
    rows += _luigi_settings()
    show_table(("section", "setting", "value", "from"), [(f"[{section}]", *rest) for section, *rest in rows])


def _luigi_settings() -> Iterator[tuple[str, str, str, str]]:
    """Yield Luigi's own settings, as far as files or Lakeshift's defaults set them: section, key, value, origin."""
    from luigi.configuration import get_config

    from pipeline.core.config import SECTIONS, masked
    from pipeline.core.luigi_settings import DEFAULTS
    from pipeline.core.settings import find, keys_of

    for section in dict.fromkeys([*DEFAULTS, *get_config().sections()]):
        defaults = DEFAULTS.get(section, {})
        for key in dict.fromkeys([*defaults, *keys_of(section)]) if section not in SECTIONS else ():
            value, origin, _ = find(section, key, defaults.get(key, ""))
            yield section, key, "***" if SECRET.search(key) and value else masked(value), origin


def warm() -> None:
    """Prepare an archive of Spark's classes, once, so that every later cold start takes two thirds of the time."""
    from pipeline.core.spark.java import make_archive

    say(f"The classes are in {make_archive()}")
