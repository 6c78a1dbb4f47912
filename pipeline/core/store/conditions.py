"""Whether a store keeps the conditions of a put: some servers take S3's, and pass them over without a word."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from uuid import uuid4

from pipeline.core.errors import SettingError, SourceUnavailable
from pipeline.core.store.base import Store


def refuse_unconditional(store: Store) -> None:
    """Raise SettingError if a store's conditional puts cannot be relied on, as a file of its own shows.

    Two attempts could then commit one partition, or none could ever replace one.
    """
    with _folder(store) as folder:
        fault = _fault(store, f"{folder}/file")
    if fault:
        raise SettingError(
            f"[lake] root = {store.url('')}: its server {fault}. Nothing is safe there: choose a server that keeps"
            " S3's conditions."
        )


def _fault(store: Store, path: str) -> str:
    """Return what a store does that it must not, or nothing."""
    store.create(path, b"first")
    seen = store.read(path)
    if seen is None:
        return "does not show what was just put"
    if store.create(path, b"second"):
        return "puts over what is there, though If-None-Match forbids it"
    store.replace(path, b"third", seen.version)
    # What it says of a put whose reply was lost is that another was first, so what is there decides.
    if not _holds(store, path, b"third"):
        return "does not replace the version that it has just shown, though If-Match allows it"
    if store.replace(path, b"fourth", seen.version):
        return "puts over what is there, though If-Match forbids it"
    return ""


def _holds(store: Store, path: str, data: bytes) -> bool:
    found = store.read(path)
    return found is not None and found.data == data


@contextmanager
def _folder(store: Store) -> Iterator[str]:
    """Yield a folder that nobody else writes to; it is gone at the end."""
    folder = f"_probe/{uuid4().hex}"
    try:
        yield folder
    except BaseException:
        # What is on its way says more than that the folder stays.
        with suppress(SourceUnavailable):
            store.clear([folder])
        raise
    store.clear([folder])
