"""The instances of the clusters of a twin of EMR, for moto makes none but where it is asked for groups of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from moto.core.responses import ActionResult


def list_instances(response: Any) -> ActionResult:
    """Answer ListInstances: each instance of each group, which lives as long as its cluster."""
    cluster = response.backend.describe_cluster(response._get_param("ClusterId"))
    return ActionResult({"Instances": list(_instances(cluster))})


def _instances(cluster: Any) -> Iterator[dict[str, Any]]:
    for group in cluster.instance_groups:
        for number in range(group.num_instances):
            timeline = {"CreationDateTime": cluster.creation_datetime, "EndDateTime": cluster.end_datetime}
            yield {
                "Id": f"ci-{group.id[3:]}{number}", "InstanceGroupId": group.id, "InstanceType": group.instance_type,
                "Market": group.market, "Status": {"State": "RUNNING", "Timeline": timeline},
            }  # fmt: skip
