"""A worker that keeps in its summary how each task ended, while it tells the scheduler."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable
from contextlib import suppress
from typing import Any

import luigi.worker
from luigi.rpc import RPCError

from pipeline.core.forgotten import LastingWorker
from pipeline.core.summary import cause_of, ends_of_each, explanation

log = logging.getLogger(__name__)


class NotingWorker(LastingWorker):
    """Luigi's worker, whose `summary` has every task of the run."""

    def tell_scheduler(self, task: luigi.Task, status: str, expl: str, runnable: bool | None = None) -> None:
        """Tell the scheduler, and the summary, how a task ended."""
        self._add_task(
            worker=self._id, task_id=task.task_id, status=status, expl=json.dumps(expl), runnable=runnable,
            params=task.to_str_params(), family=task.task_family, module=task.task_module,
        )  # fmt: skip

    def _add_task_batcher(self, task: luigi.Task) -> None:
        # Luigi would take that for a fault of the task. A scheduler that does not answer is said when it is told of it.
        with suppress(RPCError):
            super()._add_task_batcher(task)

    def _add_task(self, *args: Any, **kwargs: Any) -> None:
        task_id = kwargs["task_id"]
        together = self._batch_running_tasks.pop(task_id, None)
        if together is not None:
            self._add_each(together, kwargs["status"], kwargs["expl"])
        super()._add_task(*args, **kwargs)
        if together is not None:
            # Luigi's own summary cannot sort the days of that one task among those of the others.
            self._add_task_history = [told for told in self._add_task_history if told[0].task_id != task_id]
        elif task_id in self._scheduled_tasks:
            self.summary.note(self._scheduled_tasks[task_id], kwargs["status"], explanation(kwargs.get("expl")))

    def _add_each(self, tasks: Iterable[luigi.Task], status: str, expl: str) -> None:
        """Tell of each task how it ended, where one task was run for all of them.

        Before that one, whose status the scheduler would give to all that it knows nothing else of.
        """
        whole = explanation(expl)
        ends = ends_of_each(whole)
        for task in tasks:
            end, text = ends.get(task.task_id, (status, whole))
            self.tell_scheduler(task, end, text)

    def _log_complete_error(self, task: luigi.Task, tb: str) -> None:
        self._log_unknown(task, tb)

    def _log_dependency_error(self, task: luigi.Task, tb: str) -> None:
        self._log_unknown(task, tb)

    def _log_unknown(self, task: luigi.Task, tb: str) -> None:
        cause = cause_of(tb)
        self.summary.note(task, "UNKNOWN", cause)
        log.error("%s: %s", task, cause, extra={"whole": tb})
