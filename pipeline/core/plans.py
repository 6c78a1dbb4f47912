"""What a run would make of a range, as it stands now."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import luigi

from pipeline.core.staleness import Node, Status, survey
from pipeline.core.tasks.lake import SourceTask
from pipeline.core.version import code_version


@dataclass(frozen=True)
class RangePlan:
    """The tasks of a range and all that they need, and which of these a run would make.

    What only a superseded partition was made of is not among them: nothing is made of it any more.
    """

    tasks: Sequence[luigi.Task]
    nodes: Mapping[luigi.Task, Node]
    # First to last.
    due: Sequence[Node]
    # Whether what is stale is made again.
    is_refresh: bool

    def digest(self) -> str:
        """Return what is another for every other plan: of other partitions, or of other inputs or code."""
        due = {node.task for node in self.due}
        made = [(node.task.task_id, node.status.value, _attempt(node), self._inputs(node, due)) for node in self.due]
        text = json.dumps(
            [code_version(), self.is_refresh, [task.task_id for task in self.tasks], made], sort_keys=True
        )
        return hashlib.sha256(text.encode()).hexdigest()[:12]

    def _inputs(self, node: Node, due: set[Any]) -> dict[str, Any]:
        """Return what a partition would be made of: what is due before it has no attempt yet."""
        inputs: dict[str, Any] = {one.task_id: None if one in due else _attempt(self.nodes[one]) for one in node.needs}
        if isinstance(node.task, SourceTask):
            inputs["source"] = dict(node.source) if isinstance(node.source, Mapping) else None
        return inputs


def plan(tasks: Sequence[luigi.Task], refresh: bool = False) -> RangePlan:
    """Return what a run of tasks would make: what is not complete, and on a refresh also what is stale."""
    known = survey(tasks)
    reached = _reached(known, tasks)
    nodes = {task: node for task, node in known.items() if task in reached}
    due = _due(nodes, tasks, refresh)
    if refresh:
        # Also of a catalogue that points elsewhere, for which nobody can ask alone.
        for task, node in nodes.items():
            if node.status is not Status.SUPERSEDED and any(one in due for one in node.needs):
                due.add(task)
    return RangePlan(tasks, nodes, [node for task, node in nodes.items() if task in due], refresh)


def _reached(nodes: Mapping[Any, Node], tasks: Iterable[luigi.Task]) -> set[luigi.Task]:
    found: set[luigi.Task] = set()
    left = list(tasks)
    while left:
        task = left.pop()
        if task not in found:
            found.add(task)
            left += () if nodes[task].status is Status.SUPERSEDED else nodes[task].needs
    return found


def _due(nodes: Mapping[Any, Node], tasks: Iterable[Any], refresh: bool) -> set[luigi.Task]:
    """Return those of tasks, and what they need, that are due; what a complete one needs may be gone."""
    due: set[luigi.Task] = set()
    seen: set[tuple[luigi.Task, bool]] = set()
    left = [(task, True) for task in tasks]
    while left:
        task, is_needed = step = left.pop()
        node = nodes[task]
        if step in seen or node.status is Status.SUPERSEDED:
            continue
        seen.add(step)
        is_again = refresh and node.status in (Status.STALE, Status.ASKED)
        is_due = is_again or (is_needed and not node.is_complete)
        if is_due:
            due.add(task)
        if is_due or refresh:
            left += ((one, is_due) for one in node.needs)
    return due


def request_refresh(tasks: Sequence[luigi.Task]) -> list[Node]:
    """Ask for what is stale of tasks and all that they need, and for what is made of it, and return what was asked."""
    asked = [node for node in plan(tasks, refresh=True).due if node.is_complete and not node.follows]
    request_last_to_first([node.task for node in asked])
    return asked


def request_last_to_first(tasks: Sequence[Any]) -> None:
    """Ask for tasks to be made again, which are given first to last.

    Were it ended in between, nothing would be complete that is made of what will be replaced.
    """
    for task in reversed(tasks):
        task.output().request_rerun()


def _attempt(node: Node) -> str:
    return node.commit.attempt if node.commit else ""
