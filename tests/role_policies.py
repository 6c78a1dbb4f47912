"""What the roles of deploy/ may do, asked of their policies."""

from __future__ import annotations

import re
from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Any

from cloudformation import resources


def statements(role: str) -> Iterator[dict[str, Any]]:
    for policy in dict(resources("AWS::IAM::Role"))[role]["Policies"]:
        yield from policy["PolicyDocument"]["Statement"]


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def may(role: str, action: str, location: str) -> bool:
    """Say whether a role's policies allow an action on a place in S3, whatever the bucket's name."""
    arn = f"arn:aws:s3:::bucket/{location.removeprefix('s3://').partition('/')[2]}"
    effects = {one["Effect"] for one in statements(role) if action in listed(one["Action"]) and fits(one, arn)}
    return effects == {"Allow"}


def fits(statement: dict[str, Any], arn: str) -> bool:
    written = [one.get("Fn::Sub", "") if isinstance(one, dict) else one for one in listed(statement["Resource"])]
    values = {"${AWS::Partition}": "aws", "${Bucket}": "bucket"}
    patterns = [re.sub(r"\$\{[^}]+\}", lambda match: values.get(match[0], "?"), one) for one in written]
    return any(fnmatchcase(arn, pattern) for pattern in patterns)
