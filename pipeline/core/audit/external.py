"""Whether the external catalogue points at what is committed."""

from __future__ import annotations

from collections.abc import Iterator

from pipeline.core.audit.findings import Finding, Kind, Subject
from pipeline.core.audit.world import World, day_of, sample
from pipeline.core.tasks import ExternalPartitionTask
from pipeline.core.warehouse import is_at, warehouse


def external_findings(task: type[ExternalPartitionTask], world: World) -> Iterator[Finding]:
    """Yield which partitions of an external table are not those of the lake, by one query."""
    dataset = sample(task).dataset
    locations = warehouse().external_partitions(task.table)
    shown = {day: location for value, location in locations.items() if (day := day_of(value))}
    for value in sorted(value for value in locations if not day_of(value)):
        remedy = "Look who added it, and drop it"
        yield Finding(Kind.EXTERNAL_UNKNOWN, task.table, value, "partitions of days", locations[value], remedy)
    known = {partition: one for partition, one in world.committed[dataset].items() if one}
    for partition in world.wanted(task, {*known, *shown}):
        subject = Subject(task, task.table, partition)
        world.looked["external partition"] += partition in shown
        if partition not in known:
            drop = f"ALTER TABLE {task.table} DROP PARTITION ({partition.key}='{partition.value}')"
            remedy = f"Make the day: {subject.run}; or {drop}"
            yield subject.finding(Kind.EXTERNAL_UNKNOWN, f"no manifest of {dataset}", shown[partition], remedy)
        elif not known[partition].attempt:
            continue
        elif partition not in shown:
            yield subject.finding(Kind.EXTERNAL_MISSING, known[partition].location, "no partition", subject.run)
        elif not is_at(shown[partition], known[partition].location):
            yield subject.finding(Kind.EXTERNAL_LOCATION, known[partition].location, shown[partition], subject.run)
