"""What was submitted for each partition: written before EMR is asked, so that it can be found whoever dies when."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

from emr.errors import LedgerUnreadable
from emr.lease import Lease

FOLDER = "_emr"
# An intent is one until EMR's answer is stored; the states after it are how its steps stood when they were last seen.
INTENT, SUBMITTED, COMPLETED, FAILED, CANCELLED = "INTENT", "SUBMITTED", "COMPLETED", "FAILED", "CANCELLED"


class Found(Protocol):
    """What was read, and its version."""

    @property
    def data(self) -> bytes: ...
    @property
    def version(self) -> str: ...


class Listed(Protocol):
    """A path that exists."""

    @property
    def path(self) -> str: ...


class Store(Protocol):
    """Files with conditional puts."""

    def read(self, path: str) -> Found | None: ...
    def create(self, path: str, data: bytes) -> bool: ...
    def replace(self, path: str, data: bytes, version: str) -> bool: ...
    def list(self, folder: str) -> Iterator[Listed]: ...


@dataclass(frozen=True)
class Entry:
    """A submission: the name that its steps carry, the attempt that they make, what they read, and how it stands.

    hosts are those, beside its owner's, on which somebody waits for it.
    """

    name: str
    generation: int
    attempt: str
    inputs: tuple[str, ...]
    lease: Lease
    cluster_id: str
    step_ids: tuple[str, ...]
    state: str
    created_at: str
    hosts: tuple[str, ...] = ()

    @property
    def clearing(self) -> tuple[str, ...]:
        """The step that clears away what a failed one before it left in HDFS."""
        return self.step_ids[1:][-1:] if self.state == FAILED else ()

    def to_json(self) -> bytes:
        return json.dumps(dataclasses.asdict(self), indent=1).encode() + b"\n"

    @classmethod
    def from_json(cls, data: bytes) -> Entry:
        values: dict[str, Any] = json.loads(data)
        lists = {name: tuple(values.get(name, ())) for name in ("inputs", "step_ids", "hosts")}
        return cls(**(values | lists | {"lease": Lease(**values["lease"])}))


@dataclass(frozen=True)
class Kept:
    """An entry as it was read, or written, and the version that a replacement says it saw."""

    entry: Entry
    version: str


class Ledger:
    """The last submission for each partition."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def read(self, key: str) -> Kept | None:
        """Return the last submission, or None. Raises LedgerUnreadable if what is there is none."""
        found = self.store.read(_path(key))
        if found is None:
            return None
        try:
            return Kept(Entry.from_json(found.data), found.version)
        except (ValueError, KeyError, TypeError) as error:
            raise LedgerUnreadable(f"{_path(key)} in the lake is no entry of the ledger: {error!r}") from error

    def keys(self) -> Iterator[str]:
        """Yield what has an entry."""
        for listed in self.store.list(FOLDER):
            key = listed.path.removeprefix(f"{FOLDER}/").removesuffix(".json")
            # What is no partition's has a name like `_cluster`.
            if not key.startswith("_"):
                yield key

    def write(self, key: str, entry: Entry, over: Kept | None) -> Kept | None:
        """Put an entry where another was seen, or none; return it, or None if somebody else was faster."""
        if over is None:
            self.store.create(_path(key), entry.to_json())
        else:
            self.store.replace(_path(key), entry.to_json(), over.version)
        # Whether the put says that it was refused does not count: the reply to one that arrived may have been lost.
        now = self.read(key)
        return now if now and now.entry == entry else None

    def mark(self, key: str, kept: Kept, **changes: Any) -> Kept | None:
        """Change an entry that was read; None as with write."""
        return self.write(key, dataclasses.replace(kept.entry, **changes), kept)


def _path(key: str) -> str:
    return f"{FOLDER}/{key}.json"
