"""The templates of deploy/ as data, and without the resources that a server does not know."""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from functools import cache
from typing import Any

import yaml
from project import ROOT

DEPLOY = ROOT / "deploy"
MAIN = "lakeshift.yaml"
NAMES = sorted(path.name for path in DEPLOY.glob("*.yaml"))


class Loader(yaml.SafeLoader):
    """YAML with CloudFormation's short forms, such as !Ref."""


def function(loader: Loader, tag: str, node: yaml.Node) -> dict[str, Any]:
    """Return the long form of a short one: {"Ref": ...} of !Ref."""
    if isinstance(node, yaml.ScalarNode):
        value: Any = loader.construct_scalar(node)
    else:
        value = loader.construct_sequence(node, deep=True)
    if tag == "GetAtt" and isinstance(value, str):
        value = value.split(".", 1)
    return {tag if tag == "Ref" else f"Fn::{tag}": value}


Loader.add_multi_constructor("!", function)


def template(name: str) -> dict[str, Any]:
    # Reading one takes some fifty times as long as copying it.
    return deepcopy(_read(name))


@cache
def _read(name: str) -> dict[str, Any]:
    return yaml.load((DEPLOY / name).read_text(), Loader)  # noqa: S506 - a SafeLoader


def resources(kind: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield name and properties of each resource of a type in any of the templates."""
    for name in NAMES:
        for resource, declared in template(name)["Resources"].items():
            if declared["Type"] == kind:
                yield resource, declared["Properties"]


def types(name: str) -> set[str]:
    return {declared["Type"] for declared in template(name)["Resources"].values()}


def without(name: str, unknown: set[str]) -> dict[str, Any]:
    """Return a template without some types of resources, and attributes; what refers to one has a name in its place."""
    whole = template(name)
    removed = {key for key, declared in whole["Resources"].items() if declared["Type"] in unknown} | unknown
    whole["Resources"] = {key: value for key, value in whole["Resources"].items() if key not in removed}
    return _named(whole, removed)


def _named(value: Any, removed: set[str]) -> Any:
    if isinstance(value, list):
        return [_named(item, removed) for item in value]
    if not isinstance(value, dict):
        return value
    target = [value["Ref"]] if "Ref" in value else value.get("Fn::GetAtt", ())
    if found := removed.intersection(target):
        return found.pop()
    return {key: _named(item, removed) for key, item in value.items()}
