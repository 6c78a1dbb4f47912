"""The sections of luigi.cfg that are Lakeshift's, and their settings."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import time
from zoneinfo import ZoneInfo

from pipeline.core.emr_settings import Emr
from pipeline.core.kinds import (
    as_clock,
    as_count,
    as_database,
    as_endpoint,
    as_folder,
    as_master,
    as_one_or_more,
    as_path,
    as_place,
    as_project,
    as_receiver,
    as_region,
    as_roles,
    as_runner,
    as_share,
    as_topic,
    as_warehouse,
    as_yes_no,
    as_zone,
    some_of,
)
from pipeline.core.prices import EmrPrices
from pipeline.core.settings import setting

WAREHOUSE = "duckdb:<file>, or redshift://user@host:5439/database (signs in a password percent-encoded)"

ENDS = ("success", "failure", "recovery")
SOME_ENDS = f"some of: {', '.join(ENDS)}; or nothing"
FINDINGS = ("prices below 0", "prices of 0", "highs below the low", "repeated dates")


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
class Log:
    """Where the whole log of the runs is kept."""

    file: str = setting("data/log/lakeshift.log", as_path, "a file")


@dataclass(frozen=True)
class History:
    """How long it is kept what the runs did."""

    keep_days: int = setting("90", as_one_or_more, "a whole number of days, at least 1")


@dataclass(frozen=True)
class Lineage:
    """Who is told, as OpenLineage has it, what was made of what."""

    to: str = setting("", as_receiver, "a file, or http(s)://host[:port][/path], or nothing")
    namespace: str = setting("lakeshift", as_project, "up to 80 letters, digits, _ and -")


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
    on: tuple[str, ...] = setting("success, failure", some_of(*ENDS), SOME_ENDS)
    on_minibatch: tuple[str, ...] = setting("failure, recovery", some_of(*ENDS), SOME_ENDS)
    remind_hours: int = setting("6", as_count, "a whole number of hours, or 0 to be told each time")


@dataclass(frozen=True)
class Stocks:
    """What belongs to the stocks pipeline alone."""

    source: str = setting("data/stocks", as_place, "a folder, or s3://bucket/prefix")
    monitored: str = setting("data/monitored", as_place, "a folder, or s3://bucket/prefix")
    timezone: ZoneInfo = setting("America/New_York", as_zone, "a zone of the IANA database, such as America/New_York")
    closes: time = setting("16:00", as_clock, "a time of day such as 16:00")
    refused_findings: tuple[str, ...] = setting("", some_of(*FINDINGS), f"some of: {', '.join(FINDINGS)}; or nothing")


SECTIONS: dict[str, type] = {
    "lake": Lake,
    "database": Database,
    "warehouse": Warehouse,
    "jobs": Jobs,
    "emr": Emr,
    "emr_prices": EmrPrices,
    "log": Log,
    "alerts": Alerts,
    "history": History,
    "lineage": Lineage,
    "user_behaviour": UserBehaviour,
    "stocks": Stocks,
}
