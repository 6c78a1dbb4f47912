"""What steps used of their cluster: hours of its instances, while the steps ran; of a run's own cluster all hours."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from emr.api import Emr, Step
from emr.clusters.request import RUN_TAG

SPOT = ".spot"
# What is being waited for is not paid for.
NOT_YET = "AWAITING_FULFILLMENT"
HOUR_SECONDS = 3600

# Of each kind, as its price is found: m7g.xlarge, m7g.xlarge.spot, vcpu_hour.
Hours = Mapping[str, float]


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
    """What was used of a cluster or an application, in all and for each partition; and how many instances there were.

    `untold` are the steps of which EMR does not tell yet what they used.
    """

    place: str
    hours: Hours
    by_partition: Mapping[str, Hours]
    counts: Mapping[str, int] = field(default_factory=dict)
    untold: int = 0


def use(emr: Emr, cluster_id: str, partitions: Mapping[str, Mapping[str, Span | None]], now: datetime) -> Use:
    """Return what the steps of some partitions have used of a cluster until now.

    EMR is asked for the times of the steps that come without. Instances count while any of the steps runs, also those
    that stood idle, and are shared out by the time of each partition's steps.
    """
    unknown = [one for steps in partitions.values() for one, span in steps.items() if not span]
    asked = {step.id: _span(step, now) for step in emr.steps(cluster_id, unknown)}
    spans = {
        partition: [span for one, known in steps.items() if (span := known or asked.get(one))]
        for partition, steps in partitions.items()
    }
    paid = _life(emr.cluster(cluster_id), now) or union(span for some in spans.values() for span in some)
    hours: dict[str, float] = defaultdict(float)
    counts: Counter[str] = Counter()
    for instance in emr.instances(cluster_id) if paid else ():
        seconds = sum(_time(instance, now).within(span).seconds for span in paid)
        if seconds:
            hours[_kind(instance)] += seconds / HOUR_SECONDS
            counts[_kind(instance)] += 1
    shares = {partition: {kind: share * of for kind, of in hours.items()} for partition, share in _shares(spans)}
    return Use(cluster_id, hours, shares, counts)


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


def _life(cluster: Mapping[str, Any], now: datetime) -> list[Span]:
    """Return the whole time of a cluster that is one run's own, and nothing of any other."""
    is_own = any(tag["Key"] == RUN_TAG for tag in cluster.get("Tags", ()))
    return [_time(cluster, now)] if is_own else []


def _time(told: Mapping[str, Any], now: datetime) -> Span:
    """Return from when to when there was an instance or a cluster."""
    timeline = told["Status"]["Timeline"]
    began_at = now if told["Status"]["State"] == NOT_YET else timeline["CreationDateTime"]
    return Span(began_at, timeline.get("EndDateTime") or now)


def _kind(instance: Mapping[str, Any]) -> str:
    return instance["InstanceType"] + (SPOT if instance.get("Market") == "SPOT" else "")


def _shares(spans: Mapping[str, Sequence[Span]]) -> Iterable[tuple[str, float]]:
    """Yield each partition's share of the time of all steps."""
    seconds = {partition: sum(span.seconds for span in some) for partition, some in spans.items()}
    total = sum(seconds.values())
    for partition, part in seconds.items():
        yield partition, part / total if total else 0.0
