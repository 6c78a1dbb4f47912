"""The embedded services, and the settings that they and the runs go by."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from pipeline.cli.console import say, show_records
from pipeline.cli.output import answers

# Luigi's own sections hold passwords of mail servers and databases, and keys of services, under such names.
SECRET = re.compile("password|secret|token|api_?key", re.IGNORECASE)


def _show_services(up: dict[str, Any]) -> None:
    show_records(up["services"])


def _show_stopped(down: dict[str, Any]) -> None:
    for one in down["services"]:
        say(f"{one['service']}: {'stopped' if one['was_running'] else 'was not running'}")


def _show_settings(config: dict[str, Any]) -> None:
    show_records([{**one, "section": f"[{one['section']}]"} for one in config["settings"]])


def _show_archive(warm: dict[str, Any]) -> None:
    say(f"The classes are in {warm['archive']}")


@answers(_show_services)
def up() -> dict[str, Any]:
    """Start the embedded PostgreSQL and Luigi's scheduler, and print the addresses of everything."""
    from pipeline.core import config, embedded

    postgres = config.database().url
    is_ours = postgres == "embedded"
    if is_ours:
        postgres = embedded.start_postgres(config.database().data)
    addresses = {
        "PostgreSQL" if is_ours else "PostgreSQL (not ours to start)": config.masked(postgres),
        "scheduler and visualiser": embedded.start_luigid(),
        "warehouse": config.masked(config.warehouse().url),
        "lake": config.lake().root,
    }
    return {"services": [{"service": name, "address": address} for name, address in addresses.items()]}


@answers(_show_stopped)
def down() -> dict[str, Any]:
    """Stop the embedded PostgreSQL and the scheduler; their data stays."""
    from pipeline.core import config, embedded

    stops = {"scheduler": embedded.stop_luigid}
    if config.database().url == "embedded":
        stops["PostgreSQL"] = embedded.stop_postgres
    return {"services": [{"service": name, "was_running": stop()} for name, stop in stops.items()]}


@answers(_show_settings)
def config() -> dict[str, Any]:
    """Print every setting in force and where it comes from; secrets are masked."""
    from pipeline.core.config import in_force

    rows = [(found.section, found.key, found.value, found.origin) for found in in_force()]
    columns = ("section", "setting", "value", "from")
    return {"settings": [dict(zip(columns, row, strict=True)) for row in (*rows, *_luigi_settings())]}


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


@answers(_show_archive)
def warm() -> dict[str, Any]:
    """Prepare an archive of Spark's classes, once, so that every later cold start takes two thirds of the time."""
    from pipeline.core.spark.java import make_archive

    return {"archive": make_archive()}
