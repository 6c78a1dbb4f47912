"""Run luigi, and stand still at one moment of a load of stocks: held_run.py MOMENT FOLDER LUIGI-ARGUMENTS

The file FOLDER/there says that the moment is reached; it passes once FOLDER/go is there.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

# This script's own folder, whose tests/sql would hide the package of that name.
sys.path.pop(0)

import luigi.cmdline

from pipeline.core.database import halves
from pipeline.core.database.snapshots import SnapshotLoad
from pipeline.core.etl_load import PartitionedTables
from pipeline.core.store.local import LocalStore

MOMENT, FOLDER = sys.argv[1], Path(sys.argv[2])
MOMENTS = (
    "before the manifest", "after the manifest", "before the published file", "before its label", "during the copy",
    "before the commit", "after the commit",
)  # fmt: skip


def reach(moment: str) -> None:
    if moment != MOMENT or (FOLDER / "there").exists():
        return
    (FOLDER / "there").touch()
    while not (FOLDER / "go").exists():
        time.sleep(0.01)


def held(method: Callable[..., Any], before: str, after: str, is_one: Callable[..., bool]) -> Callable[..., Any]:
    def called(*arguments: Any, **named: Any) -> Any:
        if not is_one(*arguments):
            return method(*arguments, **named)
        reach(before)
        result = method(*arguments, **named)
        reach(after)
        return result

    return called


class HeldStream:
    """A stream that stands still when a part of it has been read."""

    def __init__(self, stream: Any) -> None:
        self._stream, self._parts = stream, 0

    def read(self, size: int) -> bytes:
        self._parts += 1
        if self._parts == 2:
            reach("during the copy")
        return self._stream.read(min(size, 16) if self._parts == 1 else size)


def is_manifest(store: LocalStore, path: str, *rest: Any) -> bool:
    return "/_manifest/" in path


def is_label(store: LocalStore, path: str, *rest: Any) -> bool:
    return path.endswith(".csv.json")


def is_of_label(store: LocalStore, paths: Any) -> bool:
    return any(path.endswith(".csv.json") for path in paths)


# A file of a few rows is cut in two as well.
halves.HALVED_FROM = 0
fill = SnapshotLoad.fill
LocalStore.create = held(LocalStore.create, "before the manifest", "after the manifest", is_manifest)
LocalStore.replace = held(LocalStore.replace, "before the manifest", "after the manifest", is_manifest)
LocalStore.create = held(LocalStore.create, "before its label", "", is_label)
LocalStore.delete = held(LocalStore.delete, "", "before the published file", is_of_label)
SnapshotLoad.fill = lambda self, cursor, columns, stream: fill(self, cursor, columns, HeldStream(stream))
SnapshotLoad.mark = held(SnapshotLoad.mark, "", "before the commit", lambda *arguments: True)
PartitionedTables.load_partition = held(
    PartitionedTables.load_partition, "", "after the commit", lambda *arguments: True
)

if __name__ == "__main__":
    luigi.cmdline.luigi_run(sys.argv[3:])
