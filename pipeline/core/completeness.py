"""What is complete, asked for many partitions at once.

Luigi asks of each task by itself, which would cost a request or a transaction for each date. Within `remembered`, all
complete partitions of a dataset or table are asked for at once, and remembered, as soon as a second one is asked about.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

import luigi

from pipeline.core.lake import Partition


class Target(Protocol):
    """A partition of something whose complete partitions can be asked for at once."""

    @property
    def partition(self) -> Partition: ...

    @property
    def whole(self) -> Hashable: ...

    def is_complete(self) -> bool: ...

    def complete_partitions(self) -> set[Partition]: ...


T = TypeVar("T", bound=Target)


@dataclass
class Known:
    """What was complete when the first questions about each kind of partition were asked."""

    asked: set[Hashable] = field(default_factory=set)
    complete: dict[Hashable, set[Partition]] = field(default_factory=dict)

    def exists(self, target: Target) -> bool:
        """Say whether a target exists; the first of its kind is asked for by itself, since it may stay alone."""
        kind = _kind(target)
        if kind not in self.asked and kind not in self.complete:
            self.asked.add(kind)
            return target.is_complete()
        return self.is_among_complete(target)

    def is_among_complete(self, target: Target) -> bool:
        kind = _kind(target)
        if kind not in self.complete:
            self.complete[kind] = target.complete_partitions()
        return target.partition in self.complete[kind]

    def note(self, target: Target) -> None:
        """Take in a partition that was completed since these were asked for."""
        if (kind := _kind(target)) in self.complete:
            self.complete[kind].add(target.partition)


_in_force: Known | None = None


@contextmanager
def remembered(known: Known) -> Iterator[None]:
    """Let targets say what is known, until the block ends."""
    global _in_force
    before, _in_force = _in_force, known
    try:
        yield
    finally:
        _in_force = before


def exists(target: Target) -> bool:
    """Say whether a target exists: now, or as is remembered."""
    return _in_force.exists(target) if _in_force else target.is_complete()


def existing(targets: Iterable[T]) -> set[T]:
    """Return those of the targets that exist, now or as is remembered; asks once a dataset or table."""
    known = _in_force or Known()
    return {target for target in targets if known.is_among_complete(target)}


def _kind(target: Target) -> Hashable:
    return type(target), target.whole


def asking_together(check: Callable[[luigi.Task], bool], task: luigi.Task) -> Callable[[luigi.Task], bool]:
    """Return a check that asks together for what a task requires, and afresh for what it has made itself."""
    known = Known()

    def asked(one: luigi.Task) -> bool:
        if one is task and not isinstance(task, luigi.WrapperTask):
            return check(one)
        with remembered(known):
            return check(one)

    return asked
