"""What OpenLineage calls what is read and written: a namespace, which is the source, and a name in it."""

from __future__ import annotations

import re
import socket
from typing import NamedTuple

from pipeline.core import config
from pipeline.core.addresses import RedshiftAddress
from pipeline.core.database.connecting import Connector
from pipeline.core.lake import Dataset, Input, Lake
from pipeline.core.targets import DatabaseTarget, LakeTarget, TableTarget

# Of a cluster or a workgroup; a host of another name is taken as it is.
AMAZONS = re.compile(r"(?P<name>[^.]+)\.[^.]+\.(?P<region>[^.]+)\.redshift(-serverless)?\.amazonaws\.com(\.cn)?")


class Named(NamedTuple):
    """A dataset of OpenLineage's."""

    namespace: str
    name: str


def of_place(place: str) -> Named:
    """Return the name of s3://bucket/path, or of a path of this machine."""
    bucket, _, path = place.removeprefix("s3://").partition("/")
    return Named(f"s3://{bucket}", path) if place.startswith("s3://") else Named("file", place)


def of_dataset(lake: Lake, dataset: Dataset) -> Named:
    """Return the name of a dataset of the lake: all of it, of which a run reads or writes a partition."""
    return of_place(lake.store.url(dataset.path))


def of_target(lake: Lake, target: LakeTarget | TableTarget) -> Named:
    """Return the name of what a target is a partition of."""
    if isinstance(target, LakeTarget):
        return of_dataset(lake, target.dataset)
    return (of_database_table if isinstance(target, DatabaseTarget) else of_warehouse_table)(target.table)


def of_input(lake: Lake, source: Input) -> Named:
    """Return the name of what a commit says that it read: a dataset, a file or folder, or a table of PostgreSQL."""
    if source.attempt:
        return of_dataset(lake, Dataset.parse(source.name))
    return of_place(source.name) if "/" in source.name else of_database_table(source.name)


def of_database_table(table: str) -> Named:
    """Return the name of a table of PostgreSQL, such as retail.user_purchase."""
    url = config.database().url
    if url == "embedded":
        # It is reached over a socket, so no host and port are its own.
        return Named(f"postgres://{socket.gethostname()}", f"postgres.{table}")
    host, port, name = Connector(url).address()
    return Named(f"postgres://{socket.gethostname() if host.startswith('/') else host}:{port}", f"{name}.{table}")


def of_warehouse_table(table: str) -> Named:
    """Return the name of a table of the warehouse, such as public.user_behavior_metric."""
    kind, _, place = config.warehouse().url.partition(":")
    if kind == "duckdb":
        # OpenLineage has no rule for it; this is how its dbt integration names it.
        return Named(f"duckdb://{place}", f"{re.sub(r'.*/|[.][^.]*$', '', place)}.{table}")
    address = RedshiftAddress.of_url(config.warehouse().url)
    known = AMAZONS.fullmatch(address.host)
    host = f"{known['name']}.{known['region']}" if known else address.host
    return Named(f"redshift://{host}:{address.port}", f"{address.database}.{table}")
