"""The kinds of settings: how the text of each becomes a value, or a ValueError."""

from __future__ import annotations

import re
from collections.abc import Callable
from configparser import ConfigParser
from datetime import time
from pathlib import Path
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from pipeline.core.addresses import RedshiftAddress

STANDALONE = "spark://"
ROLE = r"arn:aws[a-z-]*:iam::\d{12}:role/[\w+=.@/-]+"


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


def as_receiver(value: str, folder: Path) -> str:
    """Return nothing, a URL as it is, or a path of this machine absolute."""
    if value.startswith(("http://", "https://")):
        return as_endpoint(value, folder)
    return value and as_path(value, folder)


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


def as_clock(value: str, folder: Path) -> time:
    if not re.fullmatch(r"([01]\d|2[0-3]):[0-5]\d", value, re.ASCII):
        raise ValueError
    return time.fromisoformat(value)


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


def some_of(*names: str) -> Callable[[str, Path], tuple[str, ...]]:
    """Return the kind of a list of some of these names, with commas between."""

    def as_some(value: str, folder: Path) -> tuple[str, ...]:
        found = {name.strip() for name in value.split(",")} - {""}
        if not found <= set(names):
            raise ValueError
        return tuple(name for name in names if name in found)

    return as_some
