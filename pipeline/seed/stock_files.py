"""Puts files of prices, and the list of them, where the stocks pipeline finds them, on this machine or in S3."""

from __future__ import annotations

import io
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO

from pipeline.core.errors import CheckFailed, PipelineError, SourceUnavailable
from pipeline.core.listed_files import ListedFiles
from pipeline.seed.given_files import open_files, reading
from pipeline.stocks import price_files

# Beside the files, and hidden: the state in which what was generated last was left.
MARK = ".generated"


@dataclass(frozen=True)
class Put:
    """How many files of prices were put where, and whether the list is another now."""

    files: int
    folder: str
    list_path: str
    has_new_list: bool


def check_nothing_is_lost() -> None:
    """Raise PipelineError if there are files or a list, and they are not what was generated last."""
    source = price_files()
    is_empty = not any(source.store.list(source.folder)) and source.store.read(source.list_path) is None
    if not is_empty and not _is_generated(source):
        raise PipelineError(
            f"What is in {source.root} was not generated. Give files of your own, or --overwrite to have generated"
            " ones among them, and a list of those."
        )


def put_generated_files(files: Iterable[tuple[str, bytes]]) -> Put:
    """Put files and make the list theirs; other files stay, of which nobody asks then."""
    source, names = price_files(), []
    _put(source, MARK, io.BytesIO(_unfinished(source)))
    for name, data in files:
        _put(source, f"{source.folder}/{name}", io.BytesIO(data))
        names.append(name)
    _put_list(source, names)
    _put(source, MARK, io.BytesIO(source.state().encode()))
    return _what_was_put(source, len(names), has_new_list=True)


def put_given_files(paths: Iterable[Path]) -> Put:
    """Put a user's files, and the list if it is among them; else they are the list, unless the user has one there.

    Raises SourceUnavailable at what cannot be read or holds nothing of that kind, and CheckFailed at two of one name.
    """
    source = price_files()
    keeps_list = source.store.read(source.list_path) is not None and not _is_generated(source)
    places: dict[str, str] = {}
    for path in paths:
        before = len(places)
        with reading(path):
            for place, stream in open_files(path, (".csv", list_name(source))):
                _put_given(source, place, stream, places)
        if len(places) == before:
            raise SourceUnavailable(f"{path} holds no CSV file, and no {list_name(source)}. Give some of these.")
    has_list = places.pop(list_name(source), None) is not None
    if not has_list and not keeps_list:
        _put_list(source, sorted(places))
    return _what_was_put(source, len(places), has_new_list=has_list or not keeps_list)


def list_name(source: ListedFiles) -> str:
    return PurePosixPath(source.list_path).name


def _put_given(source: ListedFiles, place: str, stream: IO[bytes], places: dict[str, str]) -> None:
    name = PurePosixPath(place).name
    if name in places:
        raise CheckFailed(f"{place} is named as {places[name]} is, and only one can be there. Give one of them.")
    places[name] = place
    _put(source, source.list_path if name == list_name(source) else f"{source.folder}/{name}", stream)


def _put_list(source: ListedFiles, names: Iterable[str]) -> None:
    quoted = ", ".join("'" + name.replace("'", "''") + "'" for name in names)
    _put(source, source.list_path, io.BytesIO(f"{quoted}\n".encode()))


def _put(source: ListedFiles, path: str, stream: IO[bytes]) -> None:
    with source.store.open(path, "wb") as target:
        shutil.copyfileobj(stream, target, 1 << 20)


def _is_generated(source: ListedFiles) -> bool:
    mark = source.store.read(MARK)
    return mark is not None and mark.data in (source.state().encode(), _unfinished(source))


def _unfinished(source: ListedFiles) -> bytes:
    """Return the mark of files that are being generated: their list, which comes last, is still the one before."""
    found = source.store.read(source.list_path)
    return b"unfinished " + (found.data if found else b"")


def _what_was_put(source: ListedFiles, files: int, has_new_list: bool) -> Put:
    return Put(files, source.store.url(source.folder), source.store.url(source.list_path), has_new_list)
