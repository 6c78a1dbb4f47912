"""The settings of luigi.cfg as typed values; the only module that knows its sections.

Luigi reads luigi.cfg in the working folder, and $LUIGI_CONFIG_PATH over it. `${NAME}` is taken from
the environment. A relative path is relative to the file that sets it.
"""

from __future__ import annotations

import dataclasses
import os
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from zoneinfo import ZoneInfo

from luigi.configuration import get_config
from luigi.interface import core
from luigi.parameter import UnconsumedParameterWarning

from pipeline.core.errors import SettingError
from pipeline.core.prices import EmrPrices
from pipeline.core.settings import (
    as_application,
    as_count,
    as_database,
    as_endpoint,
    as_ends,
    as_folder,
    as_master,
    as_one_or_more,
    as_path,
    as_place,
    as_project,
    as_region,
    as_role,
    as_roles,
    as_runner,
    as_share,
    as_topic,
    as_warehouse,
    as_yes_no,
    as_zone,
    fields_of,
    files_read,
    find,
    is_standalone,
    keys_of,
    masked,
    read_section,
    read_setting,
    setting,
)

# Luigi reads some of its own settings elsewhere and then wonders what they are; and refuses a default of its own.
warnings.filterwarnings("ignore", "The configuration contains the parameter 'rpc_", UnconsumedParameterWarning)
warnings.filterwarnings("ignore", 'Parameter "param_name" with value "None"', UserWarning)

__all__ = ["check", "in_force", "masked"]

WAREHOUSE = "duckdb:<file>, or redshift://user@host:5439/database (signs in a password percent-encoded)"


@dataclass(frozen=True)
class Lake:
    """Where the partitions lie, and what is let into them."""

    root: str = setting("data/lake", as_place, "a folder or s3://bucket/prefix")
    endpoint_url: str = setting("", as_endpoint, "http(s)://host:port, or nothing for AWS")
    region: str = setting("", as_region, "a region such as eu-west-1")
    max_refused: float = setting("0.01", as_share, "a share between 0 and 1")
    allow_unfinished: bool = setting("false", as_yes_no, "true or false")
    vacuum_after_days: int = setting("7", as_one_or_more, "a whole number of days, at least 1")


@dataclass(frozen=True)
class Database:
    """The source and serving PostgreSQL."""

    url: str = setting("embedded", as_database, "embedded, or postgresql://user@host/database")
    secret_id: str = setting("")
    data: str = setting("data/postgres", as_path, "a folder")
    wait_seconds: int = setting("300", as_one_or_more, "a whole number of seconds, at least 1")


@dataclass(frozen=True)
class Warehouse:
    """Where the results are loaded and the lake is queried."""

    url: str = setting("duckdb:data/warehouse.duckdb", as_warehouse, WAREHOUSE)
    secret_id: str = setting("")
    cluster: str = setting("")
    workgroup: str = setting("")
    spectrum_role: str = setting("default", as_roles, "default, or the ARN of a role, or several with , between")
    statement_seconds: int = setting("3600", as_count, "a whole number of seconds, or 0 for no limit")
    wait_seconds: int = setting("300", as_one_or_more, "a whole number of seconds, at least 1")


@dataclass(frozen=True)
class Jobs:
    """Where the jobs of spark_jobs/ run, and with what."""

    runner: str = setting("local", as_runner, "local, emr or emr-serverless")
    master: str = setting("local[*]", as_master, "local[*], or spark://host:7077")
    driver_memory: str = setting("1g")
    executor_memory: str = setting("1g")
    cores: int = setting("0", as_count, "a whole number, or 0 for all that the master has")
    wait_seconds: int = setting("300", as_count, "a whole number of seconds")
    scratch: str = setting("", as_folder, "a folder that is there")
    ui_port: int = setting("4040", as_count, "a port")


@dataclass(frozen=True)
class Emr:
    """What runs the jobs, where [jobs] runner = emr or emr-serverless."""

    cluster_id: str = setting("")
    log_uri: str = setting("")
    poll_seconds: int = setting("30", as_one_or_more, "a whole number of seconds, at least 1")
    log_wait_seconds: int = setting("360", as_count, "a whole number of seconds")
    application_id: str = setting("", as_application, "the id of an application of EMR Serverless, 00f1abcdexample0")
    job_role: str = setting("", as_role, "the ARN of a role")


@dataclass(frozen=True)
class Log:
    """Where the whole log of the runs is kept."""

    file: str = setting("data/log/lakeshift.log", as_path, "a file")


@dataclass(frozen=True)
class UserBehaviour:
    """What belongs to the user_behaviour pipeline alone."""

    review_feed: str = setting("data/vendor/movie_review.csv", as_place, "a path or s3://...; it may hold {date}")
    timezone: ZoneInfo = setting("Europe/London", as_zone, "a zone of the IANA database, such as Europe/London")


@dataclass(frozen=True)
class Alerts:
    """Who is told how a run ended."""

    sns_topic_arn: str = setting("", as_topic, "arn:aws:sns:<region>:<account>:<topic>, or nothing for the log")
    project: str = setting("lakeshift", as_project, "up to 80 letters, digits, _ and -")
    on: frozenset[str] = setting("success, failure", as_ends, "success, failure, or both with a comma between")


@dataclass(frozen=True)
class Stocks:
    """What belongs to the stocks pipeline alone."""

    source: str = setting("data/stocks", as_place, "a folder, or s3://bucket/prefix")
    timezone: ZoneInfo = setting("America/New_York", as_zone, "a zone of the IANA database, such as America/New_York")


SECTIONS: dict[str, type] = {
    "lake": Lake,
    "database": Database,
    "warehouse": Warehouse,
    "jobs": Jobs,
    "emr": Emr,
    "emr_prices": EmrPrices,
    "log": Log,
    "user_behaviour": UserBehaviour,
    "stocks": Stocks,
    "alerts": Alerts,
}


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
            yield InForce(name, key, masked("" if shown is None else str(shown)), find(name, key, "")[1])


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
        unknown = set(keys_of(name)) - set(known_fields)
        if unknown:
            known = ", ".join(field.name for field in dataclasses.fields(cls))
            _, origin, _ = find(name, min(unknown), "")
            raise SettingError(f"[{name}] {min(unknown)} ({origin}) is no setting. There are: {known}")
    _check_scratch(jobs(), lake())


def refuse_misspelt() -> None:
    """Raise SettingError at a section that is none of ours, and all but named as one."""
    for name in get_config().sections():
        meant = get_close_matches(name, SECTIONS, n=1, cutoff=0.8)
        if meant and name not in SECTIONS:
            raise SettingError(f"[{name}] is no section of luigi.cfg or $LUIGI_CONFIG_PATH: [{meant[0]}] is.")


def _check_scratch(jobs: Jobs, lake: Lake) -> None:
    """Raise SettingError where the workers of a Spark master would not find the copies that they are to work on."""
    makes_copies = jobs.runner == "local" and "://" in lake.root
    if makes_copies and is_standalone(jobs.master) and not jobs.scratch:
        raise SettingError(
            f"[jobs] scratch: {jobs.master} works on copies of a lake in S3, so name a folder that this host"
            " and all of its workers see under the same path."
        )
