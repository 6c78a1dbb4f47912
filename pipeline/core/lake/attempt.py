"""The commit protocol: a manifest is created once, and replaced only over the version that was seen."""

from __future__ import annotations

import datetime
import logging
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from pipeline.core.errors import CheckFailed, CommitLost, JobFailed, SourceUnavailable
from pipeline.core.lake.manifest import Counts, Dataset, File, Input, Manifest, Partition
from pipeline.core.lake.paths import data_path, manifest_path, quarantine_path, reruns_path
from pipeline.core.store import Listed, Store

if TYPE_CHECKING:
    from pipeline.core.lake.partitions import Lake, State

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Attempt:
    """One try at making a partition, which writes only below its own folders until it commits."""

    lake: Lake
    dataset: Dataset
    partition: Partition
    task_id: str
    seen: State
    id: str

    @property
    def store(self) -> Store:
        return self.lake.store

    @property
    def folder(self) -> str:
        """Where the data goes, seen from the lake's root."""
        return data_path(self.dataset, self.id, self.partition)

    @property
    def base(self) -> str:
        """The folder of all that has this attempt's id: its partition, others, and what lies beside them."""
        return self.folder.rpartition("/")[0]

    @property
    def location(self) -> str:
        """Where the data goes, for other programs."""
        return self.store.url(self.folder)

    @property
    def quarantine(self) -> str:
        """Where the refused rows go, seen from the lake's root."""
        return quarantine_path(self.dataset, self.id, self.partition)

    @property
    def quarantine_base(self) -> str:
        """The folder with the refused rows of all partitions of this attempt's id."""
        return self.quarantine.rpartition("/")[0]

    @property
    def quarantine_location(self) -> str:
        """Where the refused rows go, for people."""
        return self.store.url(self.quarantine)

    def open(self, name: str, mode: str = "wb") -> BinaryIO:
        return self.store.open(f"{self.folder}/{name}", mode)

    def written(self, name: str, scratch: Path) -> AbstractContextManager[Path]:
        """Yield where another program is to write a file of this attempt; a scratch folder serves, if need be."""
        return self.store.written(f"{self.folder}/{name}", scratch)

    def open_refused(self, name: str, mode: str = "wb") -> BinaryIO:
        return self.store.open(f"{self.quarantine}/{name}", mode)

    def size(self, name: str) -> int:
        """Return the bytes of a file that this attempt has written."""
        return self._files()[name].bytes

    def commit(
        self, files: Sequence[File], rows: Counts, schema: Mapping[str, str], inputs: Sequence[Input], code_version: str
    ) -> Manifest:
        """Return the manifest that now makes the partition complete, with exactly these files.

        Raises CommitLost if another attempt has completed it, SourceUnavailable if it changed and is not complete
        or the store did not answer, CheckFailed or JobFailed if the files are not those that are there.
        """
        there = self._check(files, rows)
        manifest = Manifest(
            dataset=self.dataset,
            partition=self.partition,
            attempt=self.id,
            location=self.location,
            files=self._kept(files, there),
            rows=rows,
            schema=dict(schema),
            inputs=tuple(inputs),
            replaced=self.seen.manifest.attempt if self.seen.manifest else "",
            reruns=self.seen.reruns,
            code_version=code_version,
            task_id=self.task_id,
            created_at=datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
        )
        self._put(manifest)
        self._forget_reruns()
        return manifest

    def _check(self, files: Sequence[File], rows: Counts) -> dict[str, Listed]:
        """Return what there is of the files. Raises as commit does."""
        if sum(file.rows for file in files) != rows.written:
            raise CheckFailed(
                f"{self.dataset} {self.partition}: {rows.written} rows were written, but the files are said to hold "
                f"{sum(file.rows for file in files)}. Nothing was committed."
            )
        # A reader is given the folder, so a file that is in it and not in the manifest would be read too.
        there, named = self._files(), {file.name: file.bytes for file in files}
        found = {name: listed.bytes for name, listed in there.items()}
        if found != named or not named:
            others = sorted({name for name, _ in found.items() ^ named.items()}) or ["no file"]
            raise JobFailed(
                f"{self.dataset} {self.partition}: {self.location} does not hold the files reported: "
                f"look at {', '.join(others[:5])}. Nothing was committed."
            )

        return there

    def _kept(self, files: Sequence[File], there: Mapping[str, Listed]) -> tuple[File, ...]:
        """Return the files with their checksums, once they would survive a loss of power."""
        with ThreadPoolExecutor() as pool:
            # The disk is at it while the processor is.
            synced = pool.submit(self.store.sync, [there[file.name].path for file in files])
            checksums = list(pool.map(self.store.checksum, [there[file.name] for file in files]))
            synced.result()
        return tuple(replace(file, checksum=one) for file, one in zip(files, checksums, strict=True))

    def _files(self) -> dict[str, Listed]:
        """Return what a reader of the folder sees, by its names."""
        there = {listed.path.removeprefix(f"{self.folder}/"): listed for listed in self.store.list(self.folder)}
        # Spark and Spectrum pass over names that start with _ or a dot; stores never list the latter.
        return {name: listed for name, listed in there.items() if not name.startswith("_")}

    def _put(self, manifest: Manifest) -> None:
        """Put the manifest where the one seen was, or find that this has happened. Raises as commit does."""
        path, data = manifest_path(self.dataset, self.partition), manifest.to_json()
        unanswered = None
        try:
            if self.seen.version is None:
                won = self.store.create(path, data)
            else:
                won = self.store.replace(path, data, self.seen.version)
        except SourceUnavailable as error:
            won, unanswered = False, error
        if not won:
            self._settle(unanswered)

    def _settle(self, unanswered: SourceUnavailable | None) -> None:
        """Return if the manifest is this attempt's after all.

        A put whose reply was lost may have arrived, and when it is sent again the store refuses it because of itself.
        """
        now = self.lake.state(self.dataset, self.partition)
        if now.manifest and now.manifest.attempt == self.id:
            return
        if now.manifest and now.is_complete:
            raise CommitLost(f"{self.dataset} {self.partition}: {now.manifest.attempt} was committed before {self.id}.")
        raise unanswered or SourceUnavailable(
            f"{self.dataset} {self.partition} changed while {self.id} was made, and is not complete. Run it again."
        )

    def _forget_reruns(self) -> None:
        """Make the requests that this attempt answered be gone."""
        try:
            self.store.delete(f"{reruns_path(self.dataset)}/{self.partition}/{name}" for name in self.seen.reruns)
        except SourceUnavailable as error:
            # The manifest names the requests, so they count as answered; the next commit deletes them.
            logger.warning("%s %s is committed; answered rerun requests stay: %s", self.dataset, self.partition, error)
