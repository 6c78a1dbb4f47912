"""What those who read a project's lake and its metric see."""

from __future__ import annotations

import io

import pyarrow.parquet
from project import Project


def what_readers_see(project: Project) -> dict[str, object]:
    """Return the rows of every partition that is committed, whatever attempt made it."""
    seen: dict[str, object] = {"metric": project.metric()}
    for manifest in project.manifests():
        data = project.data_of(manifest)
        assert {name: len(content) for name, content in data.items()} == {f.name: f.bytes for f in manifest.files}
        seen[manifest.dataset] = sorted(row for name, content in data.items() for row in rows_of(name, content))
    return seen


def rows_of(name: str, content: bytes) -> list[str]:
    if name.endswith(".parquet"):
        return [repr(row) for row in pyarrow.parquet.read_table(io.BytesIO(content)).to_pylist()]
    return content.decode().splitlines()
