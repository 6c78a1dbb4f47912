"""The settings of luigi.cfg as typed values; the only module that knows its sections.

Luigi reads luigi.cfg in the working folder, and $LUIGI_CONFIG_PATH over it. `${NAME}` is taken from
the environment. A relative path is relative to the file that sets it.
"""

from __future__ import annotations

import dataclasses
import os
import re
from collections.abc import Callable, Iterator
from configparser import ConfigParser, InterpolationError
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from luigi.configuration import LuigiConfigParser, get_config
from luigi.configuration.cfg_parser import InterpolationMissingEnvvarError
from luigi.interface import core

from pipeline.core.errors import SettingError

T = TypeVar("T")
DEFAULT = "default"
RUN_TIME = "set at run time"


def _text(value: str, folder: Path) -> str:
    return value


def _place(value: str, folder: Path) -> str:
    """Return a URL as it is, and a path absolute, seen from the folder of the file that sets it."""
    if "://" in value or not value:
        return value
    return str(folder / Path(value).expanduser())


def _database(value: str, folder: Path) -> str:
    if value != "embedded" and urlsplit(value).scheme not in ("postgresql", "postgres"):
        raise ValueError
    return value


def _warehouse(value: str, folder: Path) -> str:
    make, _, rest = value.partition(":")
    if make == "duckdb" and rest:
        return f"duckdb:{_place(rest, folder)}"
    raise ValueError


def _share(value: str, folder: Path) -> float:
    share = float(value)
    if not 0 <= share <= 1:
        raise ValueError
    return share


def _count(value: str, folder: Path) -> int:
    count = int(value)
    if count < 0:
        raise ValueError
    return count


def _yes_no(value: str, folder: Path) -> bool:
    return ConfigParser.BOOLEAN_STATES[value.lower()]


def _zone(value: str, folder: Path) -> ZoneInfo:
    return ZoneInfo(value)


def _runner(value: str, folder: Path) -> str:
    if value != "local":
        raise ValueError
    return value


def setting(default: str, kind: Callable[[str, Path], Any] = _text, expected: str = "text") -> Any:
    """Return a field whose value is read by `kind` and explained as `expected` when it is malformed."""
    return dataclasses.field(metadata={"default": default, "kind": kind, "expected": expected})


@dataclass(frozen=True)
class Lake:
    """Where the partitions lie, and what is let into them."""

    root: str = setting("data/lake", _place, "a folder or s3://bucket/prefix")
    endpoint_url: str = setting("")
    region: str = setting("")
    max_refused: float = setting("0.01", _share, "a share between 0 and 1")
    allow_unfinished: bool = setting("false", _yes_no, "true or false")


@dataclass(frozen=True)
class Database:
    """The source and serving PostgreSQL."""

    url: str = setting("embedded", _database, "embedded, or postgresql://user@host/database")
    data: str = setting("data/postgres", _place, "a folder")


@dataclass(frozen=True)
class Warehouse:
    """Where the results are loaded and the lake is queried."""

    url: str = setting("duckdb:data/warehouse.duckdb", _warehouse, "duckdb:<file>")
    wait_seconds: int = setting("300", _count, "a whole number of seconds")


@dataclass(frozen=True)
class Jobs:
    """Where the jobs of spark_jobs/ run, and with what."""

    runner: str = setting("local", _runner, "local")
    master: str = setting("local[*]")
    driver_memory: str = setting("1g")
    ui_port: int = setting("4040", _count, "a port")


@dataclass(frozen=True)
class Log:
    """Where the whole log of the runs is kept."""

    file: str = setting("data/log/lakeshift.log", _place, "a file")


@dataclass(frozen=True)
class UserBehaviour:
    """What belongs to the user_behaviour pipeline alone."""

    review_feed: str = setting("data/vendor/movie_review.csv", _place, "a path; it may hold {date}")
    timezone: ZoneInfo = setting("Europe/London", _zone, "a zone of the IANA database, such as Europe/London")


SECTIONS: dict[str, type] = {
    "lake": Lake,
    "database": Database,
    "warehouse": Warehouse,
    "jobs": Jobs,
    "log": Log,
    "user_behaviour": UserBehaviour,
}


def lake() -> Lake:
    return _section("lake", Lake)


def database() -> Database:
    return _section("database", Database)


def warehouse() -> Warehouse:
    return _section("warehouse", Warehouse)


def jobs() -> Jobs:
    return _section("jobs", Jobs)


def log() -> Log:
    return _section("log", Log)


def user_behaviour() -> UserBehaviour:
    return _section("user_behaviour", UserBehaviour)


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
        _section(name, cls)
        for field in dataclasses.fields(cls):
            value, origin, folder = _find(name, field)
            shown = field.metadata["kind"](value, folder)
            yield InForce(name, field.name, masked(str(shown)), origin)


def masked(text: str) -> str:
    """Return text with the password of any URL in it as ***."""
    # Up to the last @, since a password that nobody escaped may hold a / or an @ itself.
    text = re.sub(r"(\w+://[^/\s:@]*):\S*@", r"\1:***@", text)
    return re.sub(r"(password=)[^&\s]*", r"\1***", text)


def check() -> None:
    """Raise SettingError at the first thing that is wrong with the settings, or with where they are said to be."""
    path = os.environ.get("LUIGI_CONFIG_PATH")
    if path and not Path(path).is_file():
        raise SettingError(f"$LUIGI_CONFIG_PATH names {path}, which is no file.")
    for name, cls in SECTIONS.items():
        _section(name, cls)
        unknown = set(_keys(name)) - {field.name for field in dataclasses.fields(cls)}
        if unknown:
            known = ", ".join(field.name for field in dataclasses.fields(cls))
            raise SettingError(f"[{name}] {min(unknown)} is no setting. There are: {known}")


def _keys(section: str) -> list[str]:
    config = get_config()
    return [key.replace("-", "_") for key in config.options(section)] if config.has_section(section) else []


def _section(name: str, cls: type[T]) -> T:
    values = {}
    for field in dataclasses.fields(cls):  # type: ignore[arg-type]
        value, origin, folder = _find(name, field)
        try:
            values[field.name] = field.metadata["kind"](value, folder)
        except (ValueError, KeyError, OSError) as error:
            expected = field.metadata["expected"]
            raise SettingError(
                f"[{name}] {field.name} = {masked(value) or '(nothing)'} ({origin}): expected {expected}"
            ) from error
    return cls(**values)


def _find(section: str, field: dataclasses.Field) -> tuple[str, str, Path]:
    """Return a setting's value, where it came from, and the folder that its paths are relative to."""
    try:
        value = get_config().get(section, field.name, None)
    except InterpolationMissingEnvvarError as error:
        raise SettingError(f"[{section}] {field.name}: {error}. Set the variable, or write the value.") from error
    except InterpolationError:
        # Its own text holds the value, which may be a password.
        raise SettingError(f"[{section}] {field.name}: a % that stands for itself is written %%.") from None
    if value is None:
        return field.metadata["default"], DEFAULT, Path.cwd()
    for path in reversed(_paths()):
        if (section, field.name) in _written(path):
            return value, str(path), path.parent
    return value, RUN_TIME, Path.cwd()


def _paths() -> list[Path]:
    return [Path(path).resolve() for path in LuigiConfigParser._config_paths if Path(path).exists()]


@cache
def _written(path: Path) -> frozenset[tuple[str, str]]:
    """Return the (section, key) pairs that one file sets."""
    parser = ConfigParser(interpolation=None)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read(path)
    return frozenset((name, key.replace("-", "_")) for name in parser.sections() for key in parser[name])
