"""What EMR is asked for when a cluster is made: a file of data, its places filled from the settings."""

from __future__ import annotations

import copy
import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from typing import Any

PLACE = re.compile(r"\{(\w+)\}")
ROOT_TAG, RUN_TAG, POOL_TAG = "lakeshift:root", "lakeshift:run", "lakeshift:pool"


def packaged() -> str:
    """Return the text of the cluster that Lakeshift comes with."""
    return (resources.files("emr") / "cluster.json").read_text(encoding="utf-8")


@dataclass(frozen=True)
class Template:
    """A request for a cluster that has no name yet, and whose lake it is for."""

    request: Mapping[str, Any]
    root: str

    @classmethod
    def of(cls, text: str, places: Mapping[str, Any], root: str) -> Template:
        """Return the template of a text of JSON. Raises ValueError at what is none, or has an unknown place."""
        try:
            request = json.loads(text)
        except ValueError as error:
            raise ValueError(f"it is no JSON: {error}") from error
        _check(request)
        # A killed run's cluster, and those of a pool, are ended by nobody else.
        request.setdefault("AutoTerminationPolicy", {"IdleTimeout": places["idle_seconds"]})
        try:
            return cls(_filled(request, places), root)
        except KeyError as error:
            known = ", ".join(f"{{{place}}}" for place in places)
            raise ValueError(f"it has the place {{{error.args[0]}}}; there are: {known}") from error

    @property
    def kind(self) -> str:
        """What differs between clusters that are not made of the same."""
        text = json.dumps(self.request, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:12]

    def name(self, key: str, generation: int) -> str:
        return f"lakeshift {self.root} {key} g{generation}"

    def named(self, name: str, tags: Mapping[str, str]) -> dict[str, Any]:
        """Return the request for one cluster, which stays until it is ended, or was idle for long enough."""
        request = copy.deepcopy(dict(self.request))
        own = {ROOT_TAG: self.root, **tags}
        others = [tag for tag in request.get("Tags", ()) if tag["Key"] not in own]
        request["Name"], request["Tags"] = name, others + [{"Key": key, "Value": own[key]} for key in own]
        request.setdefault("Instances", {})["KeepJobFlowAliveWhenNoSteps"] = True
        return request


def _check(request: Any) -> None:
    """Raise ValueError at what is no request to which a name and tags can be added."""
    if not isinstance(request, dict):
        raise ValueError("it is no object of names and values")
    if not isinstance(request.get("Instances", {}), dict):
        raise ValueError("its Instances are no object of names and values")
    tags = request.get("Tags", [])
    if not isinstance(tags, list) or not all(isinstance(tag, dict) and "Key" in tag for tag in tags):
        raise ValueError('its Tags are no list of {"Key": ..., "Value": ...}')


def _filled(value: Any, places: Mapping[str, Any]) -> Any:
    """Return a value with what its places stand for; a key whose place is empty is left out, so that EMR decides."""
    if isinstance(value, dict):
        filled = {key: _filled(one, places) for key, one in value.items()}
        return {key: one for key, one in filled.items() if one not in ("", [])}
    if isinstance(value, list):
        return [_filled(one, places) for one in value]
    if not isinstance(value, str):
        return value
    whole = PLACE.fullmatch(value)
    return places[whole[1]] if whole else PLACE.sub(lambda match: str(places[match[1]]), value)
