"""What tasks have committed, some at a time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import luigi

from pipeline.core.commits import Commit
from pipeline.core.spans import in_pieces
from pipeline.core.targets import PartitionTarget, commits_of

# Each costs a listing of a dataset, and what was read of them is held.
AT_ONCE = 2000
Committed = tuple[Any, Commit]


def committed(tasks: Iterable[luigi.Task]) -> Iterator[Committed]:
    """Yield those of the tasks that have committed a partition, and what is recorded of it.

    What only shows another's partition, such as an external one, is no commit.
    """
    for piece in in_pieces(tasks, AT_ONCE):
        yield from commits_of(filter(_commits, piece)).items()


def _commits(task: luigi.Task) -> bool:
    target = task.output()
    return isinstance(target, PartitionTarget) and not target.follows
