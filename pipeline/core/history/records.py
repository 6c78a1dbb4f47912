"""The record of a run: what was asked, how it ended, and what became of each of its parts."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from typing import Any

from pipeline.core.history.parts import Part
from pipeline.core.lake import begun_at

FOLDER = "_history"
SUCCESS, KILLED = "success", "killed"
# When the run began, what tells it from others of that second, and the first task that it was asked for.
NAME = re.compile(r"(?P<id>(?P<began>\d{8}T\d{6}Z)-[0-9a-f]{8})-(?P<family>\w+)\.json")


@dataclass(frozen=True)
class Name:
    """What the name of a record says, without a look into it."""

    id: str
    began_at: datetime
    family: str
    path: str

    @classmethod
    def of(cls, path: str) -> Name | None:
        """Return what a path says, or None if it is no record's."""
        found = NAME.fullmatch(path.rpartition("/")[2])
        return cls(found["id"], begun_at(found["id"]), found["family"], path) if found else None


@dataclass(frozen=True)
class Record:
    """How one run ended; of one that was killed only what its note says is known."""

    id: str
    # The first task that it was asked for, and all of them in a few words.
    family: str
    name: str
    # success, failure or killed.
    end: str
    command: str = ""
    host: str = ""
    ended_at: str = ""
    seconds: float = 0.0
    code_version: str = ""
    cause: str = ""
    there: int = 0
    parts: Sequence[Part] = ()
    requests: Mapping[str, int] = field(default_factory=dict, hash=False)
    cost: Sequence[str] = ()
    # What the steps cost that made partitions of a dataset, as far as there were prices.
    money: Mapping[str, float] = field(default_factory=dict, hash=False)
    currency: str = ""

    @property
    def began_at(self) -> datetime:
        return begun_at(self.id)

    @property
    def path(self) -> str:
        """Where the record lies, seen from the lake's root."""
        # A task may have a namespace.
        family = re.sub(r"\W", "_", self.family) or "_"
        return f"{month_path(self.began_at)}/{self.id}-{family}.json"

    @property
    def is_good(self) -> bool:
        return self.end == SUCCESS

    def of_family(self, family: str) -> Record:
        """Return the record with the parts of one task alone."""
        return replace(self, parts=[part for part in self.parts if part.family == family])

    def not_made(self) -> Record:
        """Return the record without the parts that were made."""
        return replace(self, parts=[part for part in self.parts if not part.is_made])

    def to_json(self) -> bytes:
        """Return it in few bytes: what says nothing is left out."""
        values = {key: value for key, value in asdict(self).items() if value}
        if self.parts:
            values["parts"] = [_told(part) for part in self.parts]
        return json.dumps(values, separators=(",", ":")).encode() + b"\n"

    @classmethod
    def from_json(cls, data: bytes) -> Record:
        """Return the record written as data. Raises ValueError, KeyError or TypeError if it is none."""
        values: dict[str, Any] = json.loads(data)
        parts = [Part.from_values(one) for one in values.get("parts", ())]
        return cls(**(values | {"parts": parts}))


def month_path(moment: datetime) -> str:
    """Return the folder with the records of the runs that began in a month."""
    return f"{FOLDER}/{moment:%Y/%m}"


def _told(part: Part) -> dict[str, Any]:
    return {key: value for key, value in asdict(part).items() if value and (key, value) != ("count", 1)}
