"""The files of a folder that a list names, on this machine or in S3, brought to where they can be read."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from pipeline.core.errors import SourceUnavailable
from pipeline.core.lake import Input
from pipeline.core.records import Refused, RefusedRows
from pipeline.core.store import Store, open_store
from pipeline.core.store.base import is_hidden
from pipeline.core.typed_csv import SourceFile

# A quote within a name is written twice.
QUOTED = re.compile(r"'((?:[^']|'')*)'")
BETWEEN = re.compile(r"[\s,]*")
AT_ONCE = 16
TWICE = "it is named twice"


@dataclass(frozen=True)
class Listing:
    """The names on a list that have a file, how many files nobody asked for, and how many names have none."""

    names: tuple[str, ...]
    others: int
    missing: int = 0


class ListedFiles:
    """A folder, or s3://bucket/prefix, with a list of quoted names in one file, and the files in a folder."""

    def __init__(self, root: str, list_path: str, folder: str, setting: str, remedy: str = "") -> None:
        self.root, self.list_path, self.folder, self.setting = root, list_path, folder, setting
        # What else helps who has no list.
        self.remedy = f"; {remedy}" if remedy else ""
        self.store: Store = open_store(root, setting)

    def listing(self, refused: RefusedRows) -> Listing:
        """Return what the list names; what it cannot mean is refused. Raises SourceUnavailable if there is no list."""
        found = self.store.read(self.list_path)
        if found is None or not found.data.strip():
            what = "is empty" if found else "is not there"
            raise SourceUnavailable(
                f"{self.store.url(self.list_path)} {what}. Put it there, or look at {self.setting}{self.remedy}."
            )
        there = {one.path.removeprefix(f"{self.folder}/") for one in self.store.list(self.folder)}
        names: dict[str, None] = {}
        missing = 0
        for name, fault in _names(found.data):
            fault = fault or self._fault(name, names, there)
            if fault:
                refused.add(self.list_path, Refused(1, name, fault))
                missing += fault != TWICE
            else:
                names[name] = None
        return Listing(tuple(names), len(there - names.keys()), missing)

    def _fault(self, name: str, before: dict[str, None], there: set[str]) -> str:
        if "/" in name or "\\" in name or name in ("", ".", ".."):
            return "it is no name of a file in the folder"
        if name in before:
            return TWICE
        if is_hidden(name):
            return "it is hidden: its name starts with a dot"
        return "" if name in there else f"there is no such file in {self.folder}/"

    def fetch(self, names: Sequence[str], scratch: Path) -> list[SourceFile]:
        """Return the files where they can be read; copies, where they lie in S3."""
        paths = [self.store.local_path(f"{self.folder}/{name}") for name in names]
        if None not in paths:
            return [SourceFile(name, path) for name, path in zip(names, paths, strict=True) if path]
        scratch.mkdir()
        with ThreadPoolExecutor(AT_ONCE) as pool:
            return list(pool.map(lambda named: self._copy(named[1], scratch / str(named[0])), enumerate(names)))

    def _copy(self, name: str, to: Path) -> SourceFile:
        with self.store.open(f"{self.folder}/{name}", "rb") as source, to.open("wb") as target:
            for data in iter(lambda: source.read(1 << 20), b""):
                target.write(data)
        return SourceFile(name, to)

    def state(self) -> str:
        """Return what tells this state of the list and its files from another, without reading the files."""
        found = self.store.read(self.list_path)
        data = found.data if found else b""
        asked, digest = {f"{self.folder}/{name}" for name, _ in _names(data)}, hashlib.sha256(data)
        for one in self.store.list(self.folder):
            if one.path in asked:
                digest.update(f"{one.path}\0{one.bytes}\0{one.modified.isoformat()}\0{one.version}\n".encode())
        return digest.hexdigest()

    def fingerprint(self, listing: Listing, files: Sequence[SourceFile], state: str) -> Input:
        """Return what the files were. Raises SourceUnavailable if they are no longer in the state that was seen."""
        size = sum(file.path.stat().st_size for file in files)
        if self.state() != state:
            raise SourceUnavailable(f"{self.root} changed while it was read. Wait until it is written, and run again.")
        counts = {"files": len(files), "files_not_listed": listing.others, "bytes": size}
        return Input(self.root, fingerprint={**counts, "state": state})


def _names(data: bytes) -> Iterator[tuple[str, str]]:
    """Yield each quoted name of a list, and what is wrong with what stands between them."""
    text, place = data.decode("utf-8-sig", "backslashreplace"), 0
    for found in QUOTED.finditer(text):
        yield from _stray(text[place : found.start()])
        yield found[1].replace("''", "'"), ""
        place = found.end()
    yield from _stray(text[place:])


def _stray(text: str) -> Iterator[tuple[str, str]]:
    if not BETWEEN.fullmatch(text):
        yield text.strip(" ,\r\n"), "it has no quotes around it"
