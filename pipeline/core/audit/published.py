"""Whether the copy of a file outside the lake is that of the newest partition."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from pipeline.core.audit.files import other_checksum
from pipeline.core.audit.findings import Finding, Kind, Subject
from pipeline.core.audit.world import World, sample
from pipeline.core.errors import CheckFailed
from pipeline.core.lake import Manifest
from pipeline.core.tasks import PublishedFile
from pipeline.core.tasks.published import PublishedTarget, label


def published_findings(task: type[PublishedFile], world: World) -> Iterator[Finding]:
    """Yield how a published file is not what its newest partition has, if that is looked at."""
    target = sample(task).output()
    days = world.wanted(task, (one for one, found in world.committed[target.dataset].items() if found))
    try:
        newest = target.newest() if days else None
    except CheckFailed:
        # That one cannot be understood is said of the dataset.
        return
    if newest is None or newest.partition not in days:
        return
    world.looked["published file"] += 1
    subject = Subject(task, target.store.url(target.path), newest.partition)
    expected = f"that of {newest.dataset} {newest.partition}, attempt {newest.attempt}"
    if fault := _fault(target, newest):
        # Whoever publishes believes what is said beside the file.
        remedy = f"Delete {target.store.url(target.beside)}, if it is there, and: {subject.run}"
        yield subject.finding(Kind.PUBLISHED, expected, fault, remedy)


def _fault(target: PublishedTarget, newest: Manifest) -> str:
    """Return what a copy is instead of that of a partition."""
    copy, said = target.copy(), target.store.read(target.beside)
    if copy is None:
        return "no file"
    if said is None:
        return f"no {target.beside}, which says what it is of"
    expected = label(newest, copy)
    if said.data != expected:
        return _differences(said.data, json.loads(expected))
    [file] = newest.files
    # Objects of the same bytes may have different ETags, but what is said of one has its own.
    other = "" if target.store.checksum_kind == "etag" else other_checksum(target.store, file, copy)
    return f"{other} where {file.checksum} was published" if other else ""


def _differences(said: bytes, expected: dict[str, Any]) -> str:
    try:
        found = json.loads(said)
        differs = [f"{key} {found[key]} and not {value}" for key, value in expected.items() if found[key] != value]
    except (ValueError, KeyError, TypeError):
        return "a label that cannot be understood"
    return f"a file beside which it says: {', '.join(differs)}"
