"""Tasks that make a partition of a dataset in the lake, committed by its manifest."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import time
from typing import Any, ClassVar
from zoneinfo import ZoneInfo

from pipeline.core.errors import PipelineError
from pipeline.core.feeds import open_feed, sha256_of
from pipeline.core.lake import Attempt, Counts, Dataset, File, Input, lake, refuse_too_many
from pipeline.core.sources import copy_feed
from pipeline.core.targets import LakeTarget
from pipeline.core.tasks.partition import refuse_unfinished
from pipeline.core.tasks.together import Done, End, TogetherTask, each_alone
from pipeline.core.version import code_version

Fingerprint = Mapping[str, str | int]
# A commit waits for the store more than for anything else.
COMMITS_AT_ONCE = 16


@dataclass(frozen=True)
class Made:
    """What an attempt wrote, before it is committed."""

    rows: Counts
    files: Sequence[File]
    schema: dict[str, str]
    inputs: tuple[Input, ...]
    first_refusal: str = ""
    remedy: str = ""
    # What is odd in it, and kept all the same.
    findings: tuple[str, ...] = ()
    # An earlier one, where what a dead run had begun was found again.
    attempt: Attempt | None = None


# What an attempt wrote of a partition, or what kept it from that.
Written = Made | PipelineError


class LakeTask(TogetherTask):
    """A partition of a dataset in the lake. Kinds that are written together at less cost say of how many that is so."""

    dataset: ClassVar[Dataset]
    max_batch_size = 1

    def output(self) -> LakeTarget:
        return LakeTarget(self.dataset, self.partition)

    def write(self, attempt: Attempt) -> Made:
        """Write the data below the attempt's own folder."""
        raise NotImplementedError

    def write_together(self, attempts: Mapping[Any, Attempt]) -> Mapping[Any, Written]:
        """Write the data of tasks of this kind below the folders of their attempts, which share an id."""
        return each_alone(attempts, lambda task, attempt: task.write(attempt))

    def make_together(self, tasks: Sequence[Any]) -> Mapping[Any, End]:
        ends: dict[Any, Any] = self._begin(tasks)
        begun = {task: attempt for task, attempt in ends.items() if isinstance(attempt, Attempt)}
        ends |= self.write_together(begun) if begun else {}
        made = {task: one for task, one in ends.items() if isinstance(one, Made)}
        return ends | each_alone(made, lambda task, one: task.commit(one.attempt or begun[task], one), COMMITS_AT_ONCE)

    def _begin(self, tasks: Sequence[Any]) -> dict[Any, Attempt | PipelineError]:
        begun = lake().begin_together(self.dataset, {task.partition: task.task_id for task in tasks})
        return {task: begun[task.partition] for task in tasks}

    def commit(self, attempt: Attempt, made: Made) -> Done:
        """Commit what was written, and return what it is. Raises what refuses it, or CommitLost."""
        place = attempt.quarantine_location
        refuse_too_many(made.rows, str(self.output()), place, made.first_refusal, made.remedy)
        attempt.commit(made.files, made.rows, made.schema, made.inputs, code_version())
        counts = f"read {made.rows.read:,}, wrote {made.rows.written:,}, refused {made.rows.refused:,}"
        kept = [f"kept {', '.join(made.findings)}"] if made.findings else []
        refused = [f"refused rows: {place}"] if made.rows.refused else []
        return Done("; ".join([counts, *kept, *refused]), asdict(made.rows))


class SourceTask(LakeTask):
    """A partition of what lies outside the lake, taken when its day has ended."""

    # All sources are read while Spark starts, and the sources of a day close to each other.
    priority = 10

    def zone(self) -> ZoneInfo:
        """Return the zone in which the day ends."""
        raise NotImplementedError

    def closes(self) -> time | None:
        """Return the time of day there at which it ends, or None where it does at midnight."""
        return None

    def read(self, attempt: Attempt) -> Made:
        """Read the source, and write it below the attempt's own folder."""
        raise NotImplementedError

    def source_now(self) -> Fingerprint:
        """Return the part of the source's fingerprint, as it is now, that can be had without reading all of it."""
        raise NotImplementedError

    def source_id(self) -> Hashable:
        """Return what only those tasks have in common whose source is the very same, whatever their day."""
        return self.task_id

    @classmethod
    def sources_now(cls, tasks: Collection[Any]) -> dict[Any, Fingerprint | PipelineError]:
        """Return source_now of each of the tasks, or why it cannot be told, asking a source that several read once."""
        ids = {task: task.source_id() for task in tasks}
        found = each_alone({source: task for task, source in ids.items()}, lambda source, task: task.source_now())
        return {task: found[source] for task, source in ids.items()}

    def is_as_read(self, read: Fingerprint, now: Fingerprint) -> bool:
        """Say whether the source, of which source_now says `now`, is what a partition with that input was made of."""
        return all(read.get(key) == value for key, value in now.items())

    def has_changed(self) -> bool:
        """Say whether the source is no longer what the committed partition was made of."""
        manifest = lake().state(self.dataset, self.partition).manifest
        if manifest is None:
            return False
        [source] = manifest.inputs
        return not self.is_as_read(source.fingerprint, self.source_now())

    def write_together(self, attempts: Mapping[Any, Attempt]) -> Mapping[Any, Written]:
        def refuse(task: Any, attempt: Attempt) -> Attempt:
            refuse_unfinished(task.date, task.zone(), task.closes())
            return attempt

        looked_at = each_alone(attempts, refuse)
        due = {task: one for task, one in looked_at.items() if isinstance(one, Attempt)}
        return {**looked_at, **(self.read_together(due) if due else {})}

    def read_together(self, attempts: Mapping[Any, Attempt]) -> Mapping[Any, Written]:
        """Read the sources of tasks of this kind, whose days have ended, and write as write_together does."""
        return each_alone(attempts, lambda task, attempt: task.read(attempt))


class FeedTask(SourceTask):
    """A day's copy of the CSV file that a setting names; its records are checked while they are copied."""

    header: ClassVar[tuple[str, ...]]
    setting: ClassVar[str]

    def feed(self) -> str:
        """Return the path of the file."""
        raise NotImplementedError

    def source_id(self) -> Hashable:
        return self.feed()

    def source_now(self) -> Fingerprint:
        with open_feed(self.feed(), self.setting) as feed:
            return feed.fingerprint()

    def is_as_read(self, read: Fingerprint, now: Fingerprint) -> bool:
        if super().is_as_read(read, now):
            return True
        # One that was only copied, or touched, has the same content; one of another size has not.
        seen = tuple(sorted(now.items()))
        return read.get("bytes") == now["bytes"] and read.get("sha256") == sha256_of(self.feed(), self.setting, seen)

    def read(self, attempt: Attempt) -> Made:
        fed = copy_feed(self.feed(), self.header, attempt, self.setting)
        schema = dict.fromkeys(self.header, "string")
        return Made(fed.rows, fed.files, schema, (fed.source,), fed.first_refusal)
