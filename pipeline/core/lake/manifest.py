"""What a committed partition is made of, and says of itself."""

from __future__ import annotations

import dataclasses
import datetime
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pipeline.core import config
from pipeline.core.errors import CheckFailed

DATE_KEY = "insert_date"
NAME = re.compile(r"[A-Za-z0-9_]+")
VALUE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.:-]*")


@dataclass(frozen=True)
class Dataset:
    """A family of partitions in one zone of the lake, such as stage/user_purchase."""

    zone: str
    name: str

    def __post_init__(self) -> None:
        if not NAME.fullmatch(self.zone) or not NAME.fullmatch(self.name):
            raise ValueError(f"{self.path} is no name of a dataset: letters, digits and _ only")

    def __str__(self) -> str:
        return self.path

    @property
    def path(self) -> str:
        return f"{self.zone}/{self.name}"

    @classmethod
    def parse(cls, text: str) -> Dataset:
        zone, _, name = text.partition("/")
        return cls(zone, name)


@dataclass(frozen=True, order=True)
class Partition:
    """One slice of a dataset, such as insert_date=2010-12-01."""

    key: str
    value: str

    def __post_init__(self) -> None:
        if not NAME.fullmatch(self.key) or not VALUE.fullmatch(self.value):
            raise ValueError(f"{self} is no partition: a name, =, and a value without / or spaces")

    def __str__(self) -> str:
        return f"{self.key}={self.value}"

    @property
    def parameter(self) -> datetime.date | str:
        """The value as a statement's parameter: a date where the column is one."""
        return datetime.date.fromisoformat(self.value) if self.key == DATE_KEY else self.value

    @staticmethod
    def parameters(partitions: Sequence[Partition]) -> dict[str, tuple[datetime.date | str, ...]]:
        """Return partitions of one key as a file of sql/ takes them: those of insert_date are `insert_dates`."""
        [key] = {partition.key for partition in partitions}
        return {f"{key}s": tuple(partition.parameter for partition in partitions)}

    @classmethod
    def of_date(cls, date: datetime.date) -> Partition:
        # Of a moment too, which is a date, without its time.
        return cls(DATE_KEY, datetime.date.isoformat(date))

    @classmethod
    def parse(cls, text: str) -> Partition:
        key, _, value = text.partition("=")
        return cls(key, value)


@dataclass(frozen=True)
class File:
    """A file of a partition: its name below the location, its size, its rows, and what tells its bytes from others."""

    name: str
    bytes: int
    rows: int
    # As Store.checksum gives it. None in manifests from before it was kept.
    checksum: str = ""


@dataclass(frozen=True)
class Input:
    """What was read: the attempt of a dataset's partition, or the fingerprint of a source outside."""

    name: str
    partition: str = ""
    attempt: str = ""
    fingerprint: Mapping[str, str | int] = field(default_factory=dict, hash=False)


@dataclass(frozen=True)
class Counts:
    """The rows read, written and refused. Raises CheckFailed when they do not balance."""

    read: int
    written: int
    refused: int

    def __post_init__(self) -> None:
        if self.read != self.written + self.refused:
            raise CheckFailed(f"Of {self.read} rows read, {self.written} were written and {self.refused} refused.")

    @property
    def refused_share(self) -> float:
        return self.refused / self.read if self.read else 0.0


@dataclass(frozen=True)
class Manifest:
    """The commit of one partition, as it lies in the lake."""

    dataset: Dataset
    partition: Partition
    attempt: str
    location: str
    files: tuple[File, ...]
    rows: Counts
    schema: Mapping[str, str] = field(hash=False)
    inputs: tuple[Input, ...]
    replaced: str
    reruns: tuple[str, ...]
    code_version: str
    task_id: str
    created_at: str

    def to_json(self) -> bytes:
        values = dataclasses.asdict(self) | {"dataset": str(self.dataset), "partition": str(self.partition)}
        # Not sorted: the columns of a file without a header stand in the order of its schema.
        return json.dumps(values, indent=1).encode() + b"\n"

    @classmethod
    def from_json(cls, data: bytes) -> Manifest:
        """Return the manifest written as data. Raises ValueError, KeyError, TypeError, AttributeError if it is none.

        Raises CheckFailed if its counts do not balance.
        """
        values: dict[str, Any] = json.loads(data)
        made = {
            "dataset": Dataset.parse(values["dataset"]),
            "partition": Partition.parse(values["partition"]),
            "files": tuple(File(**file) for file in values["files"]),
            "rows": Counts(**values["rows"]),
            "inputs": tuple(Input(**one) for one in values["inputs"]),
            "reruns": tuple(values["reruns"]),
        }
        return cls(**(values | made))


def refuse_too_many(rows: Counts, what: str, quarantine: str, first: str = "", remedy: str = "") -> None:
    """Raise CheckFailed if more rows are refused than the settings allow.

    what is being made, quarantine is where the refused rows are, first is where the first one was and its reason,
    remedy is what to do once they are mended.
    """
    limit = config.lake().max_refused
    if rows.refused_share > limit:
        reason = f" The first is {first}." if first else ""
        raise CheckFailed(
            f"{what}: {rows.refused:,} of {rows.read:,} rows are refused, more than [lake] max_refused = {limit:g}."
            f" Nothing was committed.{reason} The rows and the reasons: {quarantine}" + (remedy and f". {remedy}")
        )
