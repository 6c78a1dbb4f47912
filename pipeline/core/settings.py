"""How a setting is read: from the files that Luigi reads, as a typed value, with its origin, or refused in one line."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable
from configparser import ConfigParser, InterpolationError
from functools import cache
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from luigi.configuration import LuigiConfigParser, get_config
from luigi.configuration.cfg_parser import InterpolationMissingEnvvarError

from pipeline.core.addresses import RedshiftAddress
from pipeline.core.errors import SettingError

T = TypeVar("T")
DEFAULT = "default"
RUN_TIME = "set at run time"
STANDALONE = "spark://"
ROLE = r"arn:aws[a-z-]*:iam::\d{12}:role/[\w+=.@/-]+"


def as_text(value: str, folder: Path) -> str:
    return value


def setting(default: str, kind: Callable[[str, Path], Any] = as_text, expected: str = "text") -> Any:
    """Return a field whose value is read by `kind` and explained as `expected` when it is malformed."""
    return dataclasses.field(metadata={"default": default, "kind": kind, "expected": expected})


def read_section(name: str, cls: type[T]) -> T:
    values = {}
    for field in dataclasses.fields(cls):  # type: ignore[arg-type]
        value, origin, folder = find(name, field.name, field.metadata["default"])
        try:
            values[field.name] = field.metadata["kind"](value, folder)
        except (ValueError, KeyError, OSError) as error:
            expected = field.metadata["expected"]
            raise SettingError(
                f"[{name}] {field.name} = {masked(value) or '(nothing)'} ({origin}): expected {expected}"
            ) from error
    return cls(**values)


def keys_of(section: str) -> list[str]:
    config = get_config()
    return [key.replace("-", "_") for key in config.options(section)] if config.has_section(section) else []


def find(section: str, key: str, default: str) -> tuple[str, str, Path]:
    """Return a setting's value, where it came from, and the folder that its paths are relative to."""
    try:
        value = get_config().get(section, key, None)
    except InterpolationMissingEnvvarError as error:
        raise SettingError(f"[{section}] {key}: {error}. Set the variable, or write the value.") from error
    except InterpolationError:
        # Its own text holds the value, which may be a password.
        raise SettingError(f"[{section}] {key}: a % that stands for itself is written %%.") from None
    if value is None:
        return default, DEFAULT, Path.cwd()
    for path in reversed(files_read()):
        if (section, key) in _written(path):
            return value, str(path), path.parent
    return value, RUN_TIME, Path.cwd()


def files_read() -> list[Path]:
    """Return the settings files that there are, the later over the earlier."""
    return [Path(path).resolve() for path in LuigiConfigParser._config_paths if Path(path).exists()]


@cache
def _written(path: Path) -> frozenset[tuple[str, str]]:
    """Return the (section, key) pairs that one file sets."""
    parser = ConfigParser(interpolation=None)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read(path)
    return frozenset((name, key.replace("-", "_")) for name in parser.sections() for key in parser[name])


def masked(text: str) -> str:
    """Return text with the password of any URL in it as ***."""
    # Up to the last @, since a password that nobody escaped may hold a / or an @ itself.
    text = re.sub(r"(\w+://[^/\s:@]*):\S*@", r"\1:***@", text)
    return re.sub(r"(password=)[^&\s]*", r"\1***", text)


def as_place(value: str, folder: Path) -> str:
    """Return a URL as it is, and a path absolute, seen from the folder of the file that sets it."""
    if "://" in value or not value:
        return value
    return str(folder / Path(value).expanduser())


def as_database(value: str, folder: Path) -> str:
    if value != "embedded" and urlsplit(value).scheme not in ("postgresql", "postgres"):
        raise ValueError
    return value


def as_warehouse(value: str, folder: Path) -> str:
    make, _, rest = value.partition(":")
    if make == "duckdb" and rest:
        return f"duckdb:{as_place(rest, folder)}"
    RedshiftAddress.of_url(value)
    return value


def as_roles(value: str, folder: Path) -> str:
    if value != "default" and not re.fullmatch(rf"{ROLE}(,{ROLE})*", value, re.ASCII):
        raise ValueError
    return value


def as_master(value: str, folder: Path) -> str:
    """Return a Spark master: threads of this machine, or a master of Spark's own and those that stand by for it."""
    if not re.fullmatch(rf"local(\[[\d*,]+\])?|{STANDALONE}[^\s/,:]+:\d+(,[^\s/,:]+:\d+)*", value):
        raise ValueError
    return value


def is_standalone(master: str) -> bool:
    """Return whether a Spark master has workers of its own, on other machines perhaps."""
    return master.startswith(STANDALONE)


def as_folder(value: str, folder: Path) -> str:
    """Return a folder that is there, or nothing."""
    path = as_place(value, folder)
    if path and not Path(path).is_dir():
        raise ValueError
    return path


def as_share(value: str, folder: Path) -> float:
    share = float(value)
    if not 0 <= share <= 1:
        raise ValueError
    return share


def as_count(value: str, folder: Path) -> int:
    count = int(value)
    if count < 0:
        raise ValueError
    return count


def as_wait(value: str, folder: Path) -> int:
    seconds = int(value)
    if seconds < 1:
        raise ValueError
    return seconds


def as_days(value: str, folder: Path) -> int:
    days = int(value)
    if days < 1:
        raise ValueError
    return days


def as_yes_no(value: str, folder: Path) -> bool:
    return ConfigParser.BOOLEAN_STATES[value.lower()]


def as_zone(value: str, folder: Path) -> ZoneInfo:
    return ZoneInfo(value)


def as_runner(value: str, folder: Path) -> str:
    if value not in ("local", "emr"):
        raise ValueError
    return value
