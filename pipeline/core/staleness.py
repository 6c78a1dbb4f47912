"""How the partitions of a range stand, and why some are no longer what they would be if they were made now.

A manifest and etl_load name what a partition was made of: the attempts of other partitions, or the fingerprint of a
source outside. It is stale once one of these is another, or is itself to be made again. What is known of a range is
asked for at once: of each dataset, each table, and each source.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any

import luigi

from pipeline.core.commits import Commit
from pipeline.core.errors import PipelineError
from pipeline.core.graph import requirements
from pipeline.core.lake import Input
from pipeline.core.targets import LakeTarget, PartitionTarget, commits_of
from pipeline.core.tasks.lake import Fingerprint, SourceTask


class Status(str, Enum):
    """How a partition stands."""

    COMPLETE = "complete"
    # Of a day whose place a later one has taken, in a table or a file that has only the last.
    SUPERSEDED = "superseded"
    STALE = "stale"
    ASKED = "asked for again"
    MISSING = "missing"


@dataclass(frozen=True)
class Cause:
    """What makes a partition stale, and at which task that begins; `what` is the same for every period."""

    task: luigi.Task
    what: str
    detail: str = ""


@dataclass(frozen=True)
class Node:
    """A task, its target, what it needs, and what is known of its partition."""

    task: Any
    target: Any
    needs: Sequence[luigi.Task]
    status: Status
    # Whether a run would leave it alone.
    is_complete: bool
    commit: Commit | None = None
    # The first one, furthest upstream; none unless it is stale or asked for again.
    cause: Cause | None = None
    # What is outside now, or why that is not known.
    source: Fingerprint | PipelineError | None = None

    @property
    def follows(self) -> bool:
        """Whether it is complete when what it needs is, so that nobody can ask for it alone."""
        return not isinstance(self.target, PartitionTarget) or self.target.follows


def survey(tasks: Iterable[luigi.Task]) -> dict[luigi.Task, Node]:
    """Return how tasks, and all that they need, stand, each after those that it needs itself."""
    needed = requirements(tasks)
    targets = {task: task.output() for task in needed}
    judge = _Judge(needed, targets, commits_of(needed), _sources_now(needed))
    for task in needed:
        judge.judge(task)
    return judge.nodes


def _sources_now(tasks: Iterable[luigi.Task]) -> dict[luigi.Task, Fingerprint | PipelineError]:
    kinds: dict[type[SourceTask], list[SourceTask]] = defaultdict(list)
    for task in tasks:
        if isinstance(task, SourceTask):
            kinds[type(task)].append(task)
    return {task: now for kind, each in kinds.items() for task, now in kind.sources_now(each).items()}


class _Judge:
    """Says of one task after the other how it stands, each after those that it needs."""

    def __init__(
        self,
        needed: Mapping[luigi.Task, Sequence[luigi.Task]],
        targets: Mapping[luigi.Task, Any],
        commits: Mapping[luigi.Task, Commit],
        sources: Mapping[luigi.Task, Fingerprint | PipelineError],
    ) -> None:
        self.needed, self.targets, self.commits, self.sources = needed, targets, commits, sources
        self.nodes: dict[luigi.Task, Node] = {}
        self.depths: dict[luigi.Task, int] = {}
        self.made_of: dict[luigi.Task, dict[luigi.Task, Node]] = {}

    def judge(self, task: luigi.Task) -> None:
        needs, commit, source = self.needed[task], self.commits.get(task), self.sources.get(task)
        self.depths[task] = 1 + max((self.depths[one] for one in needs), default=0)
        node = Node(task, self.targets[task], needs, Status.MISSING, False, commit, None, source)
        self.made_of[task] = self._made_of(needs)
        made_of = self.made_of[task].values()
        is_complete = self._is_complete(node, made_of)
        causes = [*_changes(node), *_replacements(node, made_of)]
        cause = min(causes, key=lambda one: self.depths[one.task], default=None)
        if commit and commit.superseded_by:
            status, cause = Status.SUPERSEDED, None
        elif commit and not commit.is_complete and not node.follows:
            status, cause = Status.ASKED, Cause(task, f"{task.task_family} was asked for again")
        elif not commit and not is_complete:
            status, cause = Status.MISSING, None
        else:
            status = Status.STALE if cause else Status.COMPLETE if is_complete else Status.MISSING
        self.nodes[task] = replace(node, status=status, is_complete=is_complete, cause=cause)

    def _is_complete(self, node: Node, made_of: Iterable[Node]) -> bool:
        """Say whether a task is complete as Luigi asks for it."""
        commit = node.commit
        if isinstance(node.task, luigi.WrapperTask):
            return all(self.nodes[one].is_complete for one in node.needs)
        if not isinstance(node.target, PartitionTarget):
            return node.task.complete()
        if commit is None or not commit.is_complete or not node.follows:
            return commit is not None and commit.is_complete
        if commit.superseded_by:
            return not any(one.status is Status.ASKED for one in made_of)
        return all(one.is_complete and not _read_instead(commit, one) for one in made_of)

    def _made_of(self, needs: Iterable[luigi.Task]) -> dict[luigi.Task, Node]:
        """Return the partitions that a task is made of: what only shows another's is passed over."""
        found: dict[luigi.Task, Node] = {}
        for one in needs:
            node = self.nodes[one]
            found |= self.made_of[one] if node.follows else {one: node}
        return found


def _changes(node: Node) -> Iterator[Cause]:
    """Yield that the source of a task is no longer what its partition was made of."""
    task, now = node.task, node.source
    if node.commit is None or not isinstance(now, Mapping):
        return
    for read in node.commit.inputs:
        if not task.is_as_read(read.fingerprint, now):
            was = {key: read.fingerprint.get(key) for key in now}
            changes = [f"{key} {was[key]} → {to}" for key, to in now.items() if was[key] not in (None, to)]
            what = f"the source of {task.task_family} has changed since it was read"
            yield Cause(task, what, ", ".join([read.name, *changes]))


def _replacements(node: Node, made_of: Iterable[Node]) -> Iterator[Cause]:
    """Yield that what a partition was made of is by another attempt now, or why it will be."""
    for one in made_of:
        if one.cause:
            yield one.cause
        elif node.commit and one.commit and (read := _read_instead(node.commit, one)):
            detail = f"{read.attempt or 'another place'} was read, {one.commit.attempt} is there now"
            yield Cause(one.task, f"{one.task.task_family} was replaced since it was read", detail)


def _read_instead(commit: Commit, node: Node) -> Input | None:
    """Return the input that is the partition of a node, by another attempt than the one that is there."""
    if not isinstance(node.target, LakeTarget) or node.commit is None:
        return None
    name = (node.target.dataset.path, str(node.target.partition))
    named = (one for one in commit.inputs if (one.name, one.partition) == name)
    return next((one for one in named if one.attempt != node.commit.attempt), None)
