"""Whether the sources outside the lake are still what partitions were made of."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pipeline.core.audit.findings import Finding, Kind, Subject
from pipeline.core.errors import PipelineError
from pipeline.core.lake import Input, Manifest
from pipeline.core.tasks.lake import SourceTask


def source_findings(task: type[SourceTask], manifests: Mapping[Subject, Manifest]) -> Iterator[Finding]:
    """Yield which sources have changed since they were read, asking for all of them at once, or cannot be asked."""
    read = {subject: _source(manifest) for subject, manifest in manifests.items()}
    kind: Any = task
    subjects = {kind(date=subject.partition.parameter): subject for subject in manifests}
    for one, now in (task.sources_now(list(subjects)) if subjects else {}).items():
        subject = subjects[one]
        source = read[subject]
        if source is None:
            yield subject.finding(Kind.SOURCE_UNKNOWN, "the fingerprint of its source", "none", subject.again)
        elif isinstance(now, PipelineError):
            yield subject.finding(Kind.SOURCE_UNKNOWN, "the source that was read", str(now), "Or use --no-sources")
        elif not one.is_as_read(source.fingerprint, now):
            then = {key: source.fingerprint.get(key, "nothing") for key in now}
            yield subject.finding(Kind.SOURCE_CHANGED, f"{source.name} with {_said(then)}", _said(now), subject.again)


def _source(manifest: Manifest) -> Input | None:
    return next((one for one in manifest.inputs if one.fingerprint), None)


def _said(fingerprint: Mapping[str, Any]) -> str:
    return ", ".join(f"{key} {value}" for key, value in fingerprint.items())
