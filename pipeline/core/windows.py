"""A window: some tasks of a run, carried out by a scheduler of their own within it.

Luigi's scheduler sorts all that it knows for each task that it gives out, so the time of a thousand tasks in one grows
with their square, and that of ten windows with their number. A window says nothing by itself: how each task ended is
handed to whoever asked for it.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterable
from typing import Any

import luigi
from luigi.scheduler import Scheduler
from luigi.task import flatten
from luigi.worker import DONE

from pipeline.core.bulk_worker import BulkWorker
from pipeline.core.completeness import Known
from pipeline.core.endings import tell_outer
from pipeline.core.graph import requirements
from pipeline.core.logs import luigi_in_the_file_alone
from pipeline.core.runtime import WITHIN
from pipeline.core.spark.client import run_folder
from pipeline.core.summary import Summary
from pipeline.core.targets import PartitionTarget

# What a window has at most: tasks, which its scheduler sorts again for each that it gives out; and partitions, of which
# a statement, a job or a load takes as many at once.
TASKS, PARTITIONS = 600, 100


class Windowed:
    """A task that has others carried out in windows, within the process of its run, which may have several for them."""

    processes: int = 1


class Results:
    """What tasks say at their end: those of this process without the way through the queue between processes."""

    def __init__(self, between: Any) -> None:
        self._between, self._here, self._pid = between, deque[Any](), os.getpid()

    def put(self, result: Any) -> None:
        if os.getpid() == self._pid:
            self._here.append(result)
        else:
            self._between.put(result)

    def get(self, timeout: float) -> Any:
        return self._here.popleft() if self._here else self._between.get(timeout=timeout)

    def close(self) -> None:
        self._between.close()


class WindowWorker(BulkWorker):
    """The worker of one window, which shares with others what is known to be complete."""

    def __init__(self, known: Known, processes: int) -> None:
        scheduler = Scheduler(prune_on_get_work=True, record_task_history=False)
        # The handler of SIGUSR1 stays that of the run.
        super().__init__(scheduler, worker_processes=processes, no_install_shutdown_handler=True)
        self._known = known
        self._task_result_queue = Results(self._task_result_queue)  # type: ignore[assignment]

    def known(self) -> Known:
        return self._known

    def __exit__(self, *raised: Any) -> Any:
        try:
            return super().__exit__(*raised)
        finally:
            if run_id := os.environ.get(WITHIN):
                tell_outer(run_folder(), run_id, self.summary)


def carry_out(tasks: Iterable[luigi.Task], known: Known, processes: int) -> Summary:
    """Run tasks, and what they need that is not known to be complete; return how each of them ended."""
    with luigi_in_the_file_alone(), WindowWorker(known, processes) as worker:
        for task in tasks:
            worker.add(task)
        worker.run()
    for made in worker.summary.select(DONE):
        for target in flatten(made.task.output()):
            if isinstance(target, PartitionTarget):
                known.note(target)
    return worker.summary


def size_of(first: Iterable[luigi.Task]) -> int:
    """Return how many partitions a window has, by how many tasks the first of them takes, if there is one."""
    return max(1, min(PARTITIONS, TASKS // max(1, len(requirements(first)))))
