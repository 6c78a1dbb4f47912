"""Whether the files of a partition are those that its manifest names: their number, bytes, checksums and rows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from pipeline.core.audit.findings import Finding, Kind, Subject
from pipeline.core.errors import SourceUnavailable
from pipeline.core.lake import File, Lake, Manifest
from pipeline.core.store import Listed, Store

NAMED = 3
PARQUET = ".parquet"


def file_findings(subject: Subject, manifest: Manifest, there: Mapping[str, Listed], store: Store) -> Iterator[Finding]:
    """Yield what is wrong with the files of a partition, of which `there` are those that a reader sees."""
    named = {file.name: file for file in manifest.files}
    if missing := sorted(named.keys() - there.keys()):
        yield subject.finding(Kind.FILE_MISSING, f"{_some(missing)} in {manifest.location}", "nothing", subject.again)
    if extra := sorted(there.keys() - named.keys()):
        remedy = "Whoever reads the folder reads it too: move it away"
        yield subject.finding(Kind.FILE_EXTRA, f"{len(named)} files in {manifest.location}", _some(extra), remedy)
    both = [(file, there[name]) for name, file in sorted(named.items()) if name in there]
    resized = [(file, listed) for file, listed in both if file.bytes != listed.bytes]
    if resized:
        sizes = [f"{file.name} of {file.bytes:,} bytes" for file, _ in resized]
        now = [f"{listed.bytes:,} bytes" for _, listed in resized]
        yield subject.finding(Kind.FILE_SIZE, _some(sizes), _some(now), subject.again)
    for file, listed in both:
        if (file, listed) not in resized and (now_is := other_checksum(store, file, listed)):
            yield subject.finding(
                Kind.FILE_CHECKSUM, f"{file.checksum} of {store.url(listed.path)}", now_is, subject.again
            )


def other_checksum(store: Store, file: File, listed: Listed) -> str:
    """Return the checksum that a file has, or why it has none, if it is not the one that was kept."""
    if not is_comparable(store, file):
        return ""
    try:
        now = store.checksum(listed)
    except SourceUnavailable as error:
        return str(error)
    return "" if now == file.checksum else now


def is_comparable(store: Store, file: File) -> bool:
    """Say whether a checksum was kept, and is of the kind that the store gives."""
    return bool(file.checksum) and file.checksum.partition(":")[0] == store.checksum_kind


def row_findings(subject: Subject, manifest: Manifest, there: Mapping[str, Listed], lake: Lake) -> Iterator[Finding]:
    """Yield which Parquet files have another number of rows than the manifest says, by what they say themselves."""
    # A third of a second.
    import pyarrow as pa
    from pyarrow import parquet

    for file in manifest.files:
        if not file.name.endswith(PARQUET) or file.name not in there:
            continue
        try:
            with lake.open(manifest, file.name) as stream:
                rows = f"{parquet.read_metadata(stream).num_rows:,} rows"
        except (pa.ArrowException, OSError, SourceUnavailable) as error:
            rows = f"no Parquet ({error})"
        if rows != f"{file.rows:,} rows":
            yield subject.finding(Kind.FILE_ROWS, f"{file.rows:,} rows in {file.name}", rows, subject.again)


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - NAMED:,} more" if len(names) > NAMED else ""
    return ", ".join(names[:NAMED]) + more
