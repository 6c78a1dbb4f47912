"""Where the data of an external table lies: folders, here or in S3."""

from __future__ import annotations

import os
from pathlib import Path

from pipeline.core import config
from pipeline.core.errors import SourceUnavailable


def data_files(location: str) -> list[str]:
    """Return the data files at a location, in order. Raises SourceUnavailable if there are none.

    As in Spectrum, names that begin with a point, an underscore or # do not count, nor those that end with ~.
    """
    files = _remote_files(location) if "://" in location else _local_files(location)
    root = len(location.rstrip("/"))
    found = sorted(file for file in files if not _is_hidden(file[root:]))
    if not found:
        raise SourceUnavailable(f"{location} is in the external catalogue, but holds no data. Run its partition again.")
    return found


def filesystem():
    """Return the S3 that the settings of the lake name."""
    import s3fs

    lake = config.lake()
    client = {"endpoint_url": lake.endpoint_url or None, "region_name": lake.region or None}
    return s3fs.S3FileSystem(client_kwargs=client, use_listings_cache=False)


def _local_files(location: str) -> list[str]:
    return [str(Path(folder, name)) for folder, _, names in os.walk(location.removeprefix("file://")) for name in names]


def _remote_files(location: str) -> list[str]:
    scheme = location.partition("://")[0]
    return [f"{scheme}://{key}" for key in filesystem().find(location)]


def _is_hidden(path: str) -> bool:
    return any(part.startswith((".", "_", "#")) or part.endswith("~") for part in path.split("/"))
