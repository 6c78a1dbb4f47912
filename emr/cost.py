"""What steps used of their cluster: hours of its instances, while the steps ran."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from emr.api import Emr, Step

SPOT = ".spot"
# What is being waited for is not paid for.
NOT_YET = "AWAITING_FULFILLMENT"
HOUR_SECONDS = 3600


@dataclass(frozen=True)
class Span:
    """A time from one moment to another."""

    begins_at: datetime
    ends_at: datetime

    @property
    def seconds(self) -> float:
        return max((self.ends_at - self.begins_at).total_seconds(), 0.0)

    def within(self, other: Span) -> Span:
        """Return what both have in common; of no length if that is nothing."""
        return Span(max(self.begins_at, other.begins_at), min(self.ends_at, other.ends_at))


@dataclass(frozen=True)
class Use:
    """What was used of a cluster: hours by the kind of instance, how many there were, and each partition's share."""

    cluster_id: str
    hours: Mapping[str, float]
    counts: Mapping[str, int]
    shares: Mapping[str, float]


def use(emr: Emr, cluster_id: str, ids_by_partition: Mapping[str, Sequence[str]], now: datetime) -> Use:
    """Return what the steps of some partitions have used of a cluster until now.

    Its instances count while any of the steps runs, also those that stood idle, and are shared out by the time of each
    partition's steps.
    """
    steps = {step.id: step for step in emr.steps(cluster_id, [one for ids in ids_by_partition.values() for one in ids])}
    spans = {
        partition: [span for one in ids if one in steps and (span := _span(steps[one], now))]
        for partition, ids in ids_by_partition.items()
    }
    busy = union(span for some in spans.values() for span in some)
    hours: dict[str, float] = defaultdict(float)
    counts: Counter[str] = Counter()
    for instance in emr.instances(cluster_id) if busy else ():
        seconds = sum(_life(instance, now).within(span).seconds for span in busy)
        if seconds:
            hours[_kind(instance)] += seconds / HOUR_SECONDS
            counts[_kind(instance)] += 1
    return Use(cluster_id, hours, counts, _shares(spans))


def union(spans: Iterable[Span]) -> list[Span]:
    """Return the time that some spans cover, each moment once."""
    covered: list[Span] = []
    for span in sorted(spans, key=lambda one: one.begins_at):
        if covered and span.begins_at <= covered[-1].ends_at:
            covered[-1] = Span(covered[-1].begins_at, max(covered[-1].ends_at, span.ends_at))
        else:
            covered.append(span)
    return covered


def _span(step: Step, now: datetime) -> Span | None:
    """Return when a step ran, or None if it never did."""
    return Span(step.started_at, step.ended_at or now) if step.started_at else None


def _life(instance: Mapping[str, Any], now: datetime) -> Span:
    timeline = instance["Status"]["Timeline"]
    began_at = now if instance["Status"]["State"] == NOT_YET else timeline["CreationDateTime"]
    return Span(began_at, timeline.get("EndDateTime") or now)


def _kind(instance: Mapping[str, Any]) -> str:
    """Return what an instance's price is found by: m7g.xlarge, or m7g.xlarge.spot."""
    return instance["InstanceType"] + (SPOT if instance.get("Market") == "SPOT" else "")


def _shares(spans: Mapping[str, Sequence[Span]]) -> dict[str, float]:
    """Return each partition's share of the time of all steps."""
    seconds = {partition: sum(span.seconds for span in some) for partition, some in spans.items()}
    total = sum(seconds.values())
    return {partition: part / total for partition, part in seconds.items()} if total else {}
