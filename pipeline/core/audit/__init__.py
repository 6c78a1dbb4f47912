"""Compares what the stores say of the same partitions, and names each disagreement; it changes nothing.

A dataset's listing, its manifests, their files, their inputs and sources; the external catalogue; the rows of the
tables, and what etl_load says of them; what is published. One listing of each dataset, one query of each catalogue,
two of each table, whatever the number of partitions; of these in memory are their attempts and files, by name.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from luigi.date_interval import DateInterval

from pipeline.core.audit.datasets import dataset_findings
from pipeline.core.audit.external import external_findings
from pipeline.core.audit.findings import Finding, Kind
from pipeline.core.audit.published import published_findings
from pipeline.core.audit.tables import snapshot_findings, table_findings
from pipeline.core.audit.world import World, sample
from pipeline.core.graph import requirements
from pipeline.core.lake import lake
from pipeline.core.tasks import (
    ExternalPartitionTask,
    LakeTask,
    PartitionTask,
    PublishedFile,
    QueriedTable,
    SnapshotTable,
)

__all__ = ["Finding", "Kind", "Report", "audit"]


@dataclass(frozen=True)
class Report:
    """What was found, and how much of what was looked at."""

    findings: Sequence[Finding]
    looked: Mapping[str, int]

    @property
    def disagreements(self) -> list[Finding]:
        return [one for one in self.findings if not one.is_note]

    @property
    def notes(self) -> list[Finding]:
        return [one for one in self.findings if one.is_note]


def audit(
    tasks: Iterable[type[PartitionTask]],
    within: DateInterval | None = None,
    is_deep: bool = False,
    has_sources: bool = True,
) -> Report:
    """Return what disagrees of what tasks make, and all that they need, in a range or at all."""
    needed = requirements([sample(task) for task in tasks])
    looked_at = list(dict.fromkeys(map(type, needed)))
    world = World(lake(), within, is_deep=is_deep, has_sources=has_sources)
    found = list(_look(looked_at, world))
    wrong = {one.partition for one in found if not one.is_note}
    if wrong:
        # What a run changed between two looks is none: it agrees when all is looked at again.
        seen = {one.subject for one in found}
        again = World(lake(), within, wrong, is_deep, has_sources)
        second = [one for one in _look(looked_at, again) if one.subject in seen and not one.is_note]
        found = [*second, *(one for one in found if one.is_note)]
    return Report([*found, *_leftovers(world)], world.looked)


def _look(tasks: Iterable[type], world: World) -> Iterator[Finding]:
    for task in tasks:
        if issubclass(task, LakeTask):
            yield from dataset_findings(task, world)
        elif issubclass(task, ExternalPartitionTask):
            yield from external_findings(task, world)
        elif issubclass(task, QueriedTable):
            yield from table_findings(task, world)
        elif issubclass(task, SnapshotTable):
            yield from snapshot_findings(task, world)
        elif issubclass(task, PublishedFile):
            yield from published_findings(task, world)


def _leftovers(world: World) -> Iterator[Finding]:
    if world.leftovers:
        found, remedy = f"{len(world.leftovers):,} others too", "lakeshift vacuum says which of them nothing needs"
        yield Finding(Kind.LEFTOVER, world.lake.store.url(""), "", "the attempts that manifests name", found, remedy)
