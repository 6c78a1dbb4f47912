"""Whether what lies in the lake is what the manifests of a dataset say, and those what their sources are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice

from pipeline.core.audit.files import file_findings, is_comparable, row_findings
from pipeline.core.audit.findings import Finding, Kind, Subject
from pipeline.core.audit.inputs import input_findings
from pipeline.core.audit.sources import source_findings
from pipeline.core.audit.world import World, committed, is_day
from pipeline.core.errors import CheckFailed
from pipeline.core.lake import Dataset, Manifest, Partition
from pipeline.core.lake.contents import Contents, contents_of
from pipeline.core.tasks import LakeTask
from pipeline.core.tasks.lake import SourceTask

# As many manifests are in memory.
AT_ONCE = 1000
FILES_AT_ONCE = 16


def dataset_findings(task: type[LakeTask], world: World) -> Iterator[Finding]:
    """Yield what is wrong with a dataset: one listing, a read of each manifest, and on a local disk of each file."""
    contents = contents_of(world.lake.store, task.dataset)
    yield from _strange(task.dataset, contents, world)
    wanted = world.wanted(task, contents.manifests)
    known = world.committed.setdefault(task.dataset, {})
    for some in _chunks(wanted):
        manifests = {}
        for partition, found in world.lake.read_manifests(task.dataset, some).items():
            known[partition] = committed(found)
            if isinstance(found, CheckFailed):
                yield _unreadable(Subject(task, str(task.dataset), partition), found)
            elif isinstance(found, Manifest):
                manifests[Subject(task, str(task.dataset), partition)] = found
        yield from _checked(manifests, contents, world)
        if issubclass(task, SourceTask) and world.has_sources:
            yield from source_findings(task, manifests)
    yield from _notes(task, contents, world)


def _checked(manifests: Mapping[Subject, Manifest], contents: Contents, world: World) -> Iterator[Finding]:
    store = world.lake.store

    def check(pair: tuple[Subject, Manifest]) -> list[Finding]:
        subject, manifest = pair
        there = contents.files(subject.partition, manifest.attempt)
        found = [*place_findings(subject, manifest, world), *file_findings(subject, manifest, there, store)]
        return found + (list(row_findings(subject, manifest, there, world.lake)) if world.is_deep else [])

    with ThreadPoolExecutor(FILES_AT_ONCE) as pool:
        for (subject, manifest), found in zip(manifests.items(), pool.map(check, manifests.items()), strict=True):
            world.looked.update(_looked(manifest, world))
            yield from found
            yield from input_findings(subject, manifest.inputs, subject.again, world)


def place_findings(subject: Subject, manifest: Manifest, world: World) -> Iterator[Finding]:
    """Yield what a manifest says that cannot be true of it where it lies, whatever its files are."""
    what = f"{manifest.dataset} {manifest.partition}"
    if what != f"{subject.what} {subject.partition}":
        remedy = f"Look who wrote it, move it away, and: {subject.run}"
        yield subject.finding(Kind.PLACE, "the manifest of this partition", f"that of {what}", remedy)
        return
    location = world.lake.location(manifest.dataset, manifest.attempt, manifest.partition)
    if manifest.location != location:
        remedy = f"If the lake was moved, move it back; else {subject.again}"
        yield subject.finding(Kind.PLACE, f"the data in {location}", manifest.location, remedy)
    rows = sum(file.rows for file in manifest.files)
    if rows != manifest.rows.written:
        written = f"{manifest.rows.written:,} rows in its files, as were written"
        yield subject.finding(Kind.COUNTS, written, f"{rows:,}", subject.again)


def _looked(manifest: Manifest, world: World) -> Counter[str]:
    unknown = sum(not is_comparable(world.lake.store, file) for file in manifest.files)
    return Counter({"partition": 1, "file": len(manifest.files), "unchecked file": unknown})


def _unreadable(subject: Subject, error: CheckFailed) -> Finding:
    remedy = f"Move it away, and: {subject.run}"
    return subject.finding(Kind.MANIFEST, "a manifest", str(error).removesuffix(" Look who wrote it."), remedy)


def _strange(dataset: Dataset, contents: Contents, world: World) -> Iterator[Finding]:
    no_days = [f"the manifest of {one}" for one in sorted(contents.manifests) if not is_day(one)]
    for path in [*map(world.lake.store.url, contents.strange), *no_days]:
        yield Finding(Kind.MANIFEST, str(dataset), "", "manifests and rerun requests of its days", path, "Move it away")


def _notes(task: type[LakeTask], contents: Contents, world: World) -> Iterator[Finding]:
    """Yield the requests that are not answered, and count what vacuum is for."""
    known = world.committed[task.dataset]
    asked = world.wanted(task, contents.reruns)
    for partition, found in world.lake.read_manifests(task.dataset, asked).items():
        answered = set(found.reruns) if isinstance(found, Manifest) else set()
        if contents.reruns[partition] - answered:
            subject = Subject(task, str(task.dataset), partition)
            yield subject.finding(Kind.RERUN, "no open request", "a request to make it again", subject.run)
    for partition in world.wanted(task, contents.held):
        now = known.get(partition)
        world.leftovers |= contents.held[partition].keys() - {now.attempt if now else ""}


def _chunks(partitions: Sequence[Partition]) -> Iterator[list[Partition]]:
    left: Iterable[Partition] = iter(partitions)
    while some := list(islice(left, AT_ONCE)):
        yield some
