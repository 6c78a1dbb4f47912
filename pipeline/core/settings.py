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

from luigi.configuration import LuigiConfigParser, get_config
from luigi.configuration.cfg_parser import InterpolationMissingEnvvarError

from pipeline.core.errors import SettingError

T = TypeVar("T")
DEFAULT = "default"
RUN_TIME = "set at run time"
SCHEME = r"\w+:/+"
# What stands before a secret: key = value, "key": value, password: value, --key value.
KEY = r"(?:passw(?:or)?d|pwd|secret[\w-]{0,20}|token|signature)"
BEFORE_SECRETS = (
    rf"{KEY}\s*=\s*",
    rf"[\"'][\w-]{{0,40}}{KEY}[\"']\s*:\s*",
    r"passw(?:or)?d\s*:\s*",
    rf"--[\w-]{{0,40}}{KEY}\s+",
)
VALUE = r"""(?:'[^']*'|"(?:[^"\\]|\\.)*"|[^\s,;&}]+)"""


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
    what: str


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
    others = _others(cls)
    keys = [key for key in keys_of(section) if key not in fields and others and others.keys.fullmatch(key)]
    return fields | {key: others.field for key in keys if others}


def others_of(cls: type) -> str:
    """Return what the keys of a section are that are not all known, in words; nothing if there are none."""
    others = _others(cls)
    return others.what if others else ""


def _others(cls: type) -> Others | None:
    return getattr(cls, "OTHERS", None)


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
    return _existing(tuple(map(str, LuigiConfigParser._config_paths)), Path.cwd())


# Luigi reads them once. A setting that is asked for of each of thousands of days would cost three looks at the disk.
@cache
def _existing(paths: tuple[str, ...], folder: Path) -> list[Path]:
    return [(folder / path).resolve() for path in paths if (folder / path).exists()]


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


def masked_text(text: str) -> str:
    """Return what somebody else says, such as a log, with the passwords in it as ***, and all the rest."""
    text = re.sub(r"(\w://[^\s:/]*):\S*@", r"\1:***@", text)
    return re.sub(rf"({'|'.join(BEFORE_SECRETS)}){VALUE}", r"\1***", text, flags=re.IGNORECASE)
