"""Where everything of a dataset lies, seen from the lake's root."""

from __future__ import annotations

import datetime
import re
import secrets
from typing import NamedTuple

from pipeline.core.lake.manifest import NAME, Dataset, Partition

ATTEMPT = re.compile(r"\d{8}T\d{6}Z-[0-9a-f]{8}")
SEED = "_seed"
MANIFESTS, RERUNS, QUARANTINE = "_manifest", "_rerun", "quarantine"


class Place(NamedTuple):
    """What a file belongs to: an attempt at a dataset, and the partition in it, if it lies in one."""

    dataset: Dataset
    attempt: str
    partition: Partition | None


def new_attempt_id() -> str:
    """Return an id that no other has, in the order of time."""
    return f"{datetime.datetime.now(datetime.timezone.utc):%Y%m%dT%H%M%SZ}-{secrets.token_hex(4)}"


def attempt_in(location: str) -> str:
    """Return the id of the attempt whose data lies at a location, or an empty text if that is no attempt's."""
    return (ATTEMPT.findall(location) or [""])[-1]


def begun_at(attempt: str) -> datetime.datetime:
    """Return when an id was made."""
    moment = datetime.datetime.strptime(attempt.partition("-")[0], "%Y%m%dT%H%M%SZ")
    return moment.replace(tzinfo=datetime.timezone.utc)


def data_path(dataset: Dataset, attempt: str, partition: Partition) -> str:
    """Return the folder with an attempt's data of one partition."""
    return f"{dataset}/{attempt}/{partition}"


def quarantine_path(dataset: Dataset, attempt: str, partition: Partition) -> str:
    """Return the folder with the rows that an attempt refused of one partition."""
    return f"{QUARANTINE}/{dataset.name}/{attempt}/{partition}"


def seed_quarantine_path(name: str, attempt: str) -> str:
    """Return the folder with the rows that were refused when a source was filled; vacuum passes over it."""
    return f"{QUARANTINE}/{name}{SEED}/{attempt}"


def is_of_seed(place: Place) -> bool:
    """Say whether a place is below one of seed_quarantine_path."""
    return place.dataset.zone == QUARANTINE and place.dataset.name.endswith(SEED) and place.partition is None


def manifests_path(dataset: Dataset) -> str:
    """Return the folder with the manifests of all partitions."""
    return f"{dataset}/{MANIFESTS}"


def manifest_path(dataset: Dataset, partition: Partition) -> str:
    """Return where the manifest of one partition lies, whether it exists or not."""
    return f"{manifests_path(dataset)}/{partition}.json"


def reruns_path(dataset: Dataset) -> str:
    """Return the folder with a folder of rerun requests for each partition that has some."""
    return f"{dataset}/{RERUNS}"


def place_of(path: str) -> Place | None:
    """Return what the file at zone/dataset/attempt/partition/... belongs to, or None if it is no attempt's."""
    parts = path.split("/", 4)
    if len(parts) < 4 or not is_of_dataset(path) or not ATTEMPT.fullmatch(parts[2]):
        return None
    dataset, attempt = Dataset(*parts[:2]), parts[2]
    try:
        return Place(dataset, attempt, Partition.parse(parts[3]) if len(parts) > 4 else None)
    except ValueError:
        return Place(dataset, attempt, None)


def is_of_dataset(path: str) -> bool:
    """Say whether a path is one that Lakeshift writes."""
    zone, name, folder = (*path.split("/", 3), "", "")[:3]
    if not NAME.fullmatch(zone) or not NAME.fullmatch(name):
        return False
    return folder in (MANIFESTS, RERUNS) or ATTEMPT.fullmatch(folder) is not None
