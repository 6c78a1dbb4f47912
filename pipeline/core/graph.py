"""What tasks are made of, and what is made of them, as their requirements say."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    import luigi

T = TypeVar("T", bound="luigi.Task")


def requirements(tasks: Iterable[luigi.Task]) -> dict[luigi.Task, Sequence[luigi.Task]]:
    """Return what tasks need, and what those need, each after all that it needs itself."""
    asked: dict[luigi.Task, Sequence[luigi.Task]] = {}
    found: dict[luigi.Task, Sequence[luigi.Task]] = {}
    # A day that needs the day before may have years of them, and Python calls no function in itself so often.
    left = list(tasks)[::-1]
    while left:
        task = left[-1]
        is_first = task not in asked
        if is_first:
            asked[task] = task.deps()
        new = [one for one in asked[task] if one not in asked] if is_first else []
        left += reversed(new)
        if not new:
            found.setdefault(left.pop(), asked[task])
    return found


def needs(task: luigi.Task, wanted: luigi.Task) -> bool:
    """Say whether a task is another, or is made of it."""
    return wanted in requirements([task])


def made_of(wanted: Sequence[T], tasks: Iterable[T]) -> list[T]:
    """Return those of the tasks that are wanted or are made of these, each after those that it needs itself."""
    given = list(tasks)
    depths: dict[luigi.Task, int] = {}
    marked: set[luigi.Task] = set(wanted)
    for task, required in requirements(given).items():
        depths[task] = 1 + max((depths[one] for one in required), default=0)
        if not marked.isdisjoint(required):
            marked.add(task)
    return sorted((task for task in given if task in marked), key=depths.__getitem__)
