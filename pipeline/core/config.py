"""The settings of luigi.cfg as typed values, and what is wrong with them; what asks for a setting asks here.

Luigi reads luigi.cfg in the working folder, and $LUIGI_CONFIG_PATH over it. `${NAME}` is taken from
the environment. A relative path is relative to the file that sets it.
"""

from __future__ import annotations

import dataclasses
import os
import posixpath
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import time
from difflib import get_close_matches
from pathlib import Path

from luigi.configuration import get_config
from luigi.interface import core
from luigi.parameter import UnconsumedParameterWarning

from pipeline.core.emr_settings import Emr, check_emr
from pipeline.core.errors import SettingError
from pipeline.core.kinds import is_standalone
from pipeline.core.prices import EmrPrices
from pipeline.core.sections import (
    SECTIONS,
    Alerts,
    Database,
    History,
    Jobs,
    Lake,
    Lineage,
    Log,
    Stocks,
    UserBehaviour,
    Warehouse,
)
from pipeline.core.settings import (
    fields_of,
    files_read,
    find,
    keys_of,
    masked,
    others_of,
    read_section,
    read_setting,
)

# Luigi reads some of its own settings elsewhere and then wonders what they are; and refuses a default of its own.
warnings.filterwarnings("ignore", "The configuration contains the parameter 'rpc_", UnconsumedParameterWarning)
warnings.filterwarnings("ignore", 'Parameter "param_name" with value "None"', UserWarning)

__all__ = ["check", "in_force", "masked"]


def lake() -> Lake:
    return read_section("lake", Lake)


def database() -> Database:
    return read_section("database", Database)


def warehouse() -> Warehouse:
    return read_section("warehouse", Warehouse)


def jobs() -> Jobs:
    return read_section("jobs", Jobs)


def emr() -> Emr:
    return read_section("emr", Emr)


def emr_prices() -> EmrPrices:
    return read_section("emr_prices", EmrPrices)


def log() -> Log:
    return read_section("log", Log)


def user_behaviour() -> UserBehaviour:
    return read_section("user_behaviour", UserBehaviour)


def alerts() -> Alerts:
    return read_section("alerts", Alerts)


def history() -> History:
    return read_section("history", History)


def lineage() -> Lineage:
    return read_section("lineage", Lineage)


def stocks() -> Stocks:
    return read_section("stocks", Stocks)


def scheduler_address() -> tuple[str, int]:
    """Return the host and port of luigid, as Luigi's own [core] section or the command line names them."""
    settings = core()
    return settings.scheduler_host, settings.scheduler_port


@dataclass(frozen=True)
class InForce:
    """A setting as `lakeshift config` shows it: the value as written, secrets masked, and who wrote it."""

    section: str
    key: str
    value: str
    origin: str


def in_force() -> Iterator[InForce]:
    """Yield every setting of ours, in the order of luigi.cfg. Raises SettingError at a malformed one."""
    for name, cls in SECTIONS.items():
        for key, field in fields_of(name, cls).items():
            shown = read_setting(name, key, field)
            yield InForce(name, key, masked(_text(shown)), find(name, key, "")[1])


def _text(value: object) -> str:
    """Return the value of a setting as it is written."""
    if isinstance(value, tuple):
        return ", ".join(value)
    if isinstance(value, time):
        return f"{value:%H:%M}"
    return "" if value is None else str(value)


def has_file() -> bool:
    """Say whether any settings file was found."""
    return bool(files_read())


def check() -> None:
    """Raise SettingError at the first thing that is wrong with the settings, or with where they are said to be."""
    path = os.environ.get("LUIGI_CONFIG_PATH")
    if path and not Path(path).is_file():
        raise SettingError(f"$LUIGI_CONFIG_PATH names {path}, which is no file.")
    refuse_misspelt()
    for name, cls in SECTIONS.items():
        known_fields = fields_of(name, cls)
        for key, field in known_fields.items():
            read_setting(name, key, field)
        _refuse_unknown(name, cls, set(keys_of(name)) - set(known_fields))
    _check_scratch(jobs(), lake())
    check_emr(emr(), jobs().runner, lake().root)
    _check_monitored(stocks())


def _refuse_unknown(section: str, cls: type, keys: set[str]) -> None:
    if keys:
        _, origin, _ = find(section, min(keys), "")
        there_are = ", ".join(filter(None, (*(field.name for field in dataclasses.fields(cls)), others_of(cls))))
        raise SettingError(f"[{section}] {min(keys)} ({origin}) is no setting. There are: {there_are}")


def refuse_misspelt() -> None:
    """Raise SettingError at a section that is none of ours, and all but named as one."""
    for name in get_config().sections():
        meant = get_close_matches(name.lower(), SECTIONS, n=1, cutoff=0.8)
        if meant and name not in SECTIONS:
            raise SettingError(f"[{name}] is no section of luigi.cfg or $LUIGI_CONFIG_PATH: [{meant[0]}] is.")


def _check_monitored(stocks: Stocks) -> None:
    """Raise SettingError where what a run writes could ask for a run."""
    source, monitored = (posixpath.normpath(place) + "/" for place in (stocks.source, stocks.monitored))
    if monitored.startswith(source):
        raise SettingError(
            f"[stocks] monitored = {stocks.monitored} is within the source, {stocks.source}, where the results are"
            " published. Name a folder, or a bucket, of its own."
        )


def _check_scratch(jobs: Jobs, lake: Lake) -> None:
    """Raise SettingError where the workers of a Spark master would not find the copies that they are to work on."""
    makes_copies = jobs.runner == "local" and "://" in lake.root
    if makes_copies and is_standalone(jobs.master) and not jobs.scratch:
        raise SettingError(
            f"[jobs] scratch: {jobs.master} works on copies of a lake in S3, so name a folder that this host"
            " and all of its workers see under the same path."
        )
