"""Whether what a partition was made of is what is committed now."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from pipeline.core.audit.findings import Finding, Kind, Subject
from pipeline.core.audit.world import World
from pipeline.core.lake import Dataset, Input, Partition


def input_findings(subject: Subject, inputs: Iterable[Input], remedy: str, world: World) -> Iterator[Finding]:
    """Yield which inputs in the lake have been replaced since they were read, and which are none."""
    for one in inputs:
        if not one.attempt:
            continue
        what = f"{one.name} {one.partition}"
        try:
            now = world.committed_of(Dataset.parse(one.name), Partition.parse(one.partition))
        except ValueError as error:
            yield subject.finding(Kind.INPUT_UNKNOWN, "inputs of the lake", str(error), remedy)
            continue
        if now is None:
            yield subject.finding(Kind.INPUT_UNKNOWN, f"{what} of attempt {one.attempt}", "no manifest of it", remedy)
        # Of a manifest that cannot be read, something is said already.
        elif now.attempt and now.attempt != one.attempt:
            # Attempts are named in the order of time.
            kind = Kind.INPUT_STALE if now.attempt > one.attempt else Kind.INPUT_UNKNOWN
            yield subject.finding(kind, f"{what} of attempt {one.attempt}", f"attempt {now.attempt}", remedy)
