"""All that lies below a dataset, as one listing shows it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field

from pipeline.core.lake.manifest import Dataset, Partition
from pipeline.core.lake.paths import MANIFESTS, RERUNS, place_of
from pipeline.core.store import Listed, Store

SUFFIX = ".json"


@dataclass
class Contents:
    """The partitions that have a manifest, the requests to replace them, and the files of each attempt by their names.

    Strange is what lies among the manifests and requests, and belongs to no partition.
    """

    manifests: set[Partition] = field(default_factory=set)
    reruns: dict[Partition, set[str]] = field(default_factory=lambda: defaultdict(set))
    held: dict[Partition, dict[str, dict[str, Listed]]] = field(default_factory=lambda: defaultdict(dict))
    strange: list[str] = field(default_factory=list)

    def files(self, partition: Partition, attempt: str) -> Mapping[str, Listed]:
        """Return what a reader of an attempt's folder of a partition sees, by its names."""
        there = self.held[partition].get(attempt, {}) if partition in self.held else {}
        return {name: listed for name, listed in there.items() if not name.startswith("_")}


def contents_of(store: Store, dataset: Dataset) -> Contents:
    """Return what lies below a dataset."""
    contents = Contents()
    for listed in store.list(str(dataset)):
        folder, _, rest = listed.path.removeprefix(f"{dataset}/").partition("/")
        try:
            if folder == MANIFESTS:
                contents.manifests.add(Partition.parse(rest.removesuffix(SUFFIX)))
            elif folder == RERUNS:
                partition, _, name = rest.partition("/")
                contents.reruns[Partition.parse(partition)].add(name)
            else:
                _hold(contents, listed)
        except ValueError:
            contents.strange.append(listed.path)
    return contents


def _hold(contents: Contents, listed: Listed) -> None:
    place = place_of(listed.path)
    if place and place.partition:
        name = listed.path.split("/", 4)[4]
        contents.held[place.partition].setdefault(place.attempt, {})[name] = listed
