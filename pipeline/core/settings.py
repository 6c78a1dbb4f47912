"""How a setting is read: from the files that Luigi reads, as a typed value, with its origin, or refused in one line."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable
from configparser import ConfigParser, InterpolationError
from dataclasses import dataclass
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
SCHEME = r"\w+:/+"
STANDALONE = "spark://"
ROLE = r"arn:aws[a-z-]*:iam::\d{12}:role/[\w+=.@/-]+"


def as_text(value: str, folder: Path) -> str:
    return value


def setting(default: str, kind: Callable[[str, Path], Any] = as_text, expected: str = "text") -> Any:
    """Return a field whose value is read by `kind` and explained as `expected` when it is malformed."""
    return dataclasses.field(metadata={"default": default, "kind": kind, "expected": expected})


@dataclass(frozen=True)
class Others:
    """What a section's class has as OTHERS if its keys are not all known: how they look, and what each is."""

    keys: re.Pattern[str]
    field: dataclasses.Field


def read_section(name: str, cls: type[T]) -> T:
    fields = dataclasses.fields(cls)  # type: ignore[arg-type]
    return cls(**{field.name: read_setting(name, field.name, field) for field in fields})


def read_setting(section: str, key: str, field: dataclasses.Field) -> Any:
    """Return a setting as a field of its kind says. Raises SettingError when it is malformed."""
    value, origin, folder = find(section, key, field.metadata["default"])
    try:
        return field.metadata["kind"](value, folder)
    except (ValueError, KeyError, OSError):
        expected = field.metadata["expected"]
        # Its own text may hold the value, which may hold a password.
        raise SettingError(
            f"[{section}] {key} = {masked(value) or '(nothing)'} ({origin}): expected {expected}"
        ) from None


def fields_of(section: str, cls: type) -> dict[str, dataclasses.Field]:
    """Return the settings of a section by their keys: those of its class, and those written that fit its OTHERS."""
    fields = {field.name: field for field in dataclasses.fields(cls)}
    others: Others | None = getattr(cls, "OTHERS", None)
    keys = [key for key in keys_of(section) if key not in fields and others and others.keys.fullmatch(key)]
    return fields | {key: others.field for key in keys if others}


def keys_of(section: str) -> list[str]:
    config = get_config()
    return [key.replace("-", "_") for key in config.options(section)] if config.has_section(section) else []


def find(section: str, key: str, default: str) -> tuple[str, str, Path]:
    """Return a setting's value, where it came from, and the folder that its paths are relative to."""
    try:
        value = get_config().get(section, key, None)
    except InterpolationMissingEnvvarError as error:
        # Of its text only the variable, since the rest of the value may be a password.
        variable = re.search(r"environment variable (\w+)", str(error))
        raise SettingError(
            f"[{section}] {key}: the environment variable {variable[1] if variable else ''} is not set."
            " Set the variable, or write the value."
        ) from None
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


def masked(value: str) -> str:
    """Return the value of a setting with a password in it as ***; rather too much of it than too little."""
    # A password that nobody escaped may hold any sign, and a user an @: so up to the last @.
    value = re.sub(rf"^({SCHEME}|(?!{SCHEME}))([^:]*):.*@", r"\1\2:***@", value, flags=re.DOTALL)
    return re.sub(r"(password\s*=).*", r"\1***", value, flags=re.DOTALL)


def as_path(value: str, folder: Path) -> str:
    """Return a path of this machine absolute, seen from the folder of the file that sets it."""
    # A place elsewhere, or a mistyped one, would be made a folder here.
    if not value or re.match(r"\w+://|s3:", value, re.IGNORECASE):
        raise ValueError
    return str(folder / Path(value).expanduser())


def as_place(value: str, folder: Path) -> str:
    """Return a place in S3 as it is, and a path of this machine absolute."""
    return value if re.match(r"s3://[^/]", value) else as_path(value, folder)


def as_endpoint(value: str, folder: Path) -> str:
    parts = urlsplit(value)
    if value and (parts.scheme not in ("http", "https") or not parts.hostname):
        raise ValueError
    return value


def as_region(value: str, folder: Path) -> str:
    if not re.fullmatch(r"[a-z0-9-]*", value, re.ASCII):
        raise ValueError
    return value


def as_database(value: str, folder: Path) -> str:
    if value != "embedded" and urlsplit(value).scheme not in ("postgresql", "postgres"):
        raise ValueError
    return value


def as_warehouse(value: str, folder: Path) -> str:
    make, _, rest = value.partition(":")
    if make == "duckdb" and rest:
        return f"duckdb:{as_path(rest, folder)}"
    RedshiftAddress.of_url(value)
    return value


def as_roles(value: str, folder: Path) -> str:
    if value != "default" and not re.fullmatch(rf"{ROLE}(,{ROLE})*", value, re.ASCII):
        raise ValueError
    return value


def as_role(value: str, folder: Path) -> str:
    if value and not re.fullmatch(ROLE, value, re.ASCII):
        raise ValueError
    return value


def as_application(value: str, folder: Path) -> str:
    if not re.fullmatch(r"[0-9a-z]*", value, re.ASCII):
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
    path = as_path(value, folder) if value else ""
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


def as_one_or_more(value: str, folder: Path) -> int:
    number = int(value)
    if number < 1:
        raise ValueError
    return number


def as_yes_no(value: str, folder: Path) -> bool:
    return ConfigParser.BOOLEAN_STATES[value.lower()]


def as_zone(value: str, folder: Path) -> ZoneInfo:
    return ZoneInfo(value)


def as_runner(value: str, folder: Path) -> str:
    if value not in ("local", "emr", "emr-serverless"):
        raise ValueError
    return value


def as_topic(value: str, folder: Path) -> str:
    if value and not re.fullmatch(r"arn:aws[a-z-]*:sns:[a-z0-9-]+:\d{12}:[\w-]+", value, re.ASCII):
        raise ValueError
    return value


def as_project(value: str, folder: Path) -> str:
    if not re.fullmatch(r"[\w-]{1,80}", value, re.ASCII):
        raise ValueError
    return value


def as_ends(value: str, folder: Path) -> frozenset[str]:
    ends = frozenset(filter(None, (end.strip() for end in value.split(","))))
    if not ends <= {"success", "failure"}:
        raise ValueError
    return ends
