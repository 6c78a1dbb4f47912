"""What is recorded of a partition that was made, the same for every kind of store."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from pipeline.core.lake import Input, Manifest, State


@dataclass(frozen=True)
class Commit:
    """By which attempt a partition was made, of what, when (UTC) and by what code, as far as its store records it."""

    attempt: str
    inputs: tuple[Input, ...] = ()
    made_at: str = ""
    code_version: str = ""
    # Those read, written and refused, where they are counted.
    rows: Mapping[str, int] = field(default_factory=dict, hash=False)
    # Whether nobody has asked for another since.
    is_complete: bool = True
    # The partition of a later day that has taken its place, where a store has only the last one.
    superseded_by: str = ""
    # Of a dataset: how many files there are, their bytes, and the columns with their types.
    files: int | None = None
    bytes: int | None = None
    schema: Mapping[str, str] = field(default_factory=dict, hash=False)


def commit_of(state: State, manifest: Manifest) -> Commit:
    """Return what a manifest records."""
    rows = {"read": manifest.rows.read, "written": manifest.rows.written, "refused": manifest.rows.refused}
    return Commit(
        attempt=manifest.attempt,
        inputs=manifest.inputs,
        made_at=manifest.created_at,
        code_version=manifest.code_version,
        rows=rows,
        files=len(manifest.files),
        bytes=sum(file.bytes for file in manifest.files),
        schema=manifest.schema,
        is_complete=state.is_complete,
    )
