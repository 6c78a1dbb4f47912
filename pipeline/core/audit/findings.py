"""What an audit finds: what was expected of a partition, what was found, and what to do."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from pipeline.core.lake import Partition
from pipeline.core.tasks import PartitionTask


class Kind(str, Enum):
    """The kinds of findings, as docs/operations.md lists them."""

    MANIFEST = "manifest"
    PLACE = "place"
    COUNTS = "counts"
    FILE_MISSING = "file missing"
    FILE_EXTRA = "file extra"
    FILE_SIZE = "file size"
    FILE_CHECKSUM = "file checksum"
    FILE_ROWS = "file rows"
    INPUT_STALE = "input stale"
    INPUT_UNKNOWN = "input unknown"
    SOURCE_CHANGED = "source changed"
    SOURCE_UNKNOWN = "source unknown"
    EXTERNAL_MISSING = "external missing"
    EXTERNAL_LOCATION = "external location"
    EXTERNAL_UNKNOWN = "external unknown"
    TABLE_ROWS = "table rows"
    TABLE_UNKNOWN = "table unknown"
    TABLE_TWICE = "table twice"
    PUBLISHED = "published"
    RERUN = "rerun"
    LEFTOVER = "leftover"


# What is told, and is no disagreement.
NOTES = (Kind.RERUN, Kind.LEFTOVER)


@dataclass(frozen=True)
class Finding:
    """A disagreement, or a note."""

    kind: Kind
    what: str
    partition: str
    expected: str
    found: str
    remedy: str

    @property
    def is_note(self) -> bool:
        return self.kind in NOTES

    @property
    def subject(self) -> tuple[Kind, str, str]:
        """What a second look at the same would have in common with this one."""
        return self.kind, self.what, self.partition

    def __str__(self) -> str:
        place = f"{self.what} {self.partition}".rstrip()
        said = f"{place}: {self.kind.value}: expected {self.expected}, found {self.found}. {self.remedy}"
        return " ".join(said.split())


@dataclass(frozen=True)
class Subject:
    """What is looked at: a partition of what a task makes."""

    task: type[PartitionTask]
    what: str
    partition: Partition

    def finding(self, kind: Kind, expected: str, found: str, remedy: str) -> Finding:
        return Finding(kind, self.what, str(self.partition), expected, found, remedy)

    @property
    def again(self) -> str:
        """The line that has what is committed replaced, and all that is made of it."""
        return f"lakeshift rerun {self.task.__name__} --date {self.partition.value} --downstream"

    @property
    def run(self) -> str:
        """The line that makes what is not complete."""
        return f"luigi --module {self.task.__module__} {self.task.__name__} --date {self.partition.value}"
