"""The jobs of spark_jobs/ as EMR runs them: a script and a zip of the package, uploaded once for each content."""

from __future__ import annotations

import hashlib
import io
import zipfile
from functools import cache
from importlib import resources

from pipeline.core.store import Store

PACKAGE = "spark_jobs"
ZIP = f"{PACKAGE}.zip"
# Of the zip format's own epoch, so that the same content is the same zip.
WRITTEN_AT = (1980, 1, 1, 0, 0, 0)


@cache
def code_hash() -> str:
    """Return what changes whenever a file of spark_jobs/ does."""
    return hashlib.sha256(_zipped()).hexdigest()[:16]


def upload_code(store: Store, job: str) -> str:
    """Return where in a lake a job's script and the package's zip lie, after they were put there if need be."""
    folder = f"code/{code_hash()}"
    there = {listed.path for listed in store.list(folder)}
    for name, data in ((ZIP, _zipped()), (f"{job}.py", _sources()[f"{job}.py"])):
        if f"{folder}/{name}" not in there:
            # False means that another was faster, with the same.
            store.create(f"{folder}/{name}", data)
    return store.url(folder)


def _sources() -> dict[str, bytes]:
    files = sorted(resources.files(PACKAGE).iterdir(), key=lambda file: file.name)
    return {file.name: file.read_bytes() for file in files if file.name.endswith(".py")}


def _zipped() -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in _sources().items():
            archive.writestr(zipfile.ZipInfo(f"{PACKAGE}/{name}", WRITTEN_AT), data)
    return content.getvalue()
