"""The settings of the section [emr], and which of them contradict each other, or say too little."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from pipeline.core.errors import SettingError
from pipeline.core.kinds import ROLE, as_count, as_one_or_more
from pipeline.core.settings import setting

# What EMR takes.
SHORTEST_IDLE_SECONDS, LONGEST_IDLE_SECONDS = 60, 604_800
# The first release with Python 3.11, which the jobs run on.
FIRST_RELEASE = (7, 1)


def as_cluster(value: str, folder: Path) -> str:
    return _fitting(r"(j-[0-9A-Z]+)?", value)


def as_application(value: str, folder: Path) -> str:
    return _fitting(r"[0-9a-z]*", value)


def as_role(value: str, folder: Path) -> str:
    return _fitting(rf"({ROLE})?", value)


def as_bucket_folder(value: str, folder: Path) -> str:
    return _fitting(r"(s3://[a-z0-9][a-z0-9.-]+(/.*)?)?", value)


def as_release(value: str, folder: Path) -> str:
    major, minor, _ = map(int, _fitting(r"emr-\d+\.\d+\.\d+", value).removeprefix("emr-").split("."))
    if (major, minor) < FIRST_RELEASE:
        raise ValueError
    return value


def as_pool(value: str, folder: Path) -> str:
    return _fitting(r"[A-Za-z0-9-]*", value)


def as_subnets(value: str, folder: Path) -> str:
    return _fitting(r"(subnet-[0-9a-f]+(,\s*subnet-[0-9a-f]+)*)?", value)


def as_security_group(value: str, folder: Path) -> str:
    return _fitting(r"(sg-[0-9a-f]+)?", value)


def as_idle_seconds(value: str, folder: Path) -> int:
    seconds = int(value)
    if not SHORTEST_IDLE_SECONDS <= seconds <= LONGEST_IDLE_SECONDS:
        raise ValueError
    return seconds


def as_file(value: str, folder: Path) -> str:
    """Return a file that is there, or nothing."""
    path = folder / Path(value).expanduser()
    if value and not path.is_file():
        raise ValueError
    return str(path) if value else ""


@dataclass(frozen=True)
class Emr:
    """What runs the jobs, where [jobs] runner = emr or emr-serverless."""

    cluster_id: str = setting("", as_cluster, "the id of a cluster, j-2AXXXXXXGAPLF")
    log_uri: str = setting("", as_bucket_folder, "s3://bucket/prefix, or nothing")
    poll_seconds: int = setting("30", as_one_or_more, "a whole number of seconds, at least 1")
    log_wait_seconds: int = setting("360", as_count, "a whole number of seconds")
    application_id: str = setting("", as_application, "the id of an application of EMR Serverless, 00f1abcdexample0")
    job_role: str = setting("", as_role, "the ARN of a role")
    pool: str = setting("", as_pool, "letters, digits and -")
    pool_clusters: int = setting("1", as_count, "a whole number, or 0 where others make them")
    release: str = setting("emr-7.12.0", as_release, "emr-7.1.0 or later")
    cluster_file: str = setting("", as_file, "a file that is there, or nothing")
    subnet_ids: str = setting("", as_subnets, "subnet-..., or several with , between")
    service_role: str = setting("")
    instance_profile: str = setting("")
    security_configuration: str = setting("")
    node_security_group: str = setting("", as_security_group, "sg-...")
    service_security_group: str = setting("", as_security_group, "sg-...")
    idle_seconds: int = setting("900", as_idle_seconds, "a whole number of seconds, from 60 to 604800")


def check_emr(emr: Emr, runner: str, root: str) -> None:
    """Raise SettingError where a runner of [jobs] cannot do with these settings, and a lake at that root."""
    if runner == "emr-serverless" and not (emr.application_id and emr.job_role and _is_in_s3(root)):
        raise SettingError(
            "[jobs] runner = emr-serverless needs a lake that EMR can read, [lake] root = s3://..., and"
            " [emr] application_id = 00... and job_role = arn:aws:iam::...:role/..."
        )
    if runner != "emr":
        return
    if not _is_in_s3(root):
        raise SettingError("[jobs] runner = emr needs a lake that EMR can read, [lake] root = s3://...")
    if emr.cluster_id and emr.pool:
        raise SettingError("[emr] has a cluster_id and a pool, and jobs go to one of them: take the other out.")
    if makes_clusters(emr):
        _check_new_cluster(emr)


def makes_clusters(emr: Emr) -> bool:
    """Return whether the jobs may need a cluster that is not there yet."""
    return not emr.cluster_id and (not emr.pool or emr.pool_clusters > 0)


def _check_new_cluster(emr: Emr) -> None:
    from pipeline.core.cluster_file import template

    if emr.service_security_group and not emr.node_security_group:
        raise SettingError(
            "[emr] service_security_group goes with a node_security_group, for the instances that EMR reaches by it:"
            " name both, or none."
        )
    template(emr, emr.log_uri, "")


def _is_in_s3(root: str) -> bool:
    return root.startswith("s3://")


def _fitting(pattern: str, value: str) -> str:
    if not re.fullmatch(pattern, value, re.ASCII):
        raise ValueError
    return value
