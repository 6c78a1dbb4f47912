"""The instances of the clusters of a twin of EMR, for moto makes none but where it is asked for groups of them."""

from __future__ import annotations

from collections.abc import Iterator
from math import ceil
from typing import Any

from moto.core.responses import ActionResult

FLEET = {"TargetOnDemandCapacity": "ON_DEMAND", "TargetSpotCapacity": "SPOT"}


def list_instances(response: Any) -> ActionResult:
    """Answer ListInstances: those of each group and fleet, which live as long as their cluster."""
    cluster = response.backend.describe_cluster(response._get_param("ClusterId"))
    timeline = {"CreationDateTime": cluster.creation_datetime, "EndDateTime": cluster.end_datetime}
    status = {"State": "TERMINATED" if cluster.end_datetime else "RUNNING", "Timeline": timeline}
    kinds = enumerate([*_of_groups(cluster), *_of_fleets(cluster)])
    told = [{"Id": f"ci-{n}", "InstanceType": kind, "Market": market, "Status": status} for n, (kind, market) in kinds]
    return ActionResult({"Instances": told})


def _of_groups(cluster: Any) -> Iterator[tuple[str, str]]:
    for group in cluster.instance_groups:
        yield from [(group.instance_type, group.market)] * group.num_instances


def _of_fleets(cluster: Any) -> Iterator[tuple[str, str]]:
    """Yield the type and market of each instance of the fleets: as many of the first type as make up the capacity."""
    for fleet in cluster.fleets:
        first = fleet["InstanceTypeConfigs"][0]
        for name, market in FLEET.items():
            count = ceil(fleet.get(name, 0) / first.get("WeightedCapacity", 1))
            yield from [(first["InstanceType"], market)] * count
