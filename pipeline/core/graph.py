"""What tasks are made of, and what is made of them, as their requirements say."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    import luigi

T = TypeVar("T", bound="luigi.Task")


def requirements(tasks: Iterable[luigi.Task]) -> dict[luigi.Task, Sequence[luigi.Task]]:
    """Return what tasks need, and what those need, each after all that it needs itself."""
    found: dict[luigi.Task, Sequence[luigi.Task]] = {}

    def add(task: luigi.Task) -> None:
        if task not in found:
            required = task.deps()
            for one in required:
                add(one)
            found[task] = required

    for task in tasks:
        add(task)
    return found


def needs(task: luigi.Task, wanted: luigi.Task) -> bool:
    """Say whether a task is another, or is made of it."""
    return task == wanted or any(needs(required, wanted) for required in task.deps())


def made_of(wanted: Sequence[T], tasks: Iterable[T]) -> list[T]:
    """Return those of the tasks that are wanted or are made of these, each after those that it needs itself."""
    return sorted((task for task in tasks if any(needs(task, one) for one in wanted)), key=_depth)


def _depth(task: luigi.Task) -> int:
    """Return how many tasks stand in a row up to this one, at the most."""
    return 1 + max(map(_depth, task.deps()), default=0)
