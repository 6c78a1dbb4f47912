"""A worker that goes on when its scheduler has forgotten it: it stood still for too long, or others were faster."""

from __future__ import annotations

from typing import Any

import luigi.worker
from luigi.task_status import BATCH_RUNNING

from pipeline.core.summary import Outcome, Summary


class LastingWorker(luigi.worker.Worker):
    """Luigi's worker, which ends once nothing of what it was given is left, or somebody else is at it."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.summary = Summary()
        self._last_answer: Any = None

    def _get_work(self) -> Any:
        self._last_answer = super()._get_work()
        return self._last_answer

    def run(self) -> bool:
        succeeded = super().run()
        left = self.summary.select(luigi.worker.PENDING)
        if left and self._is_forgotten():
            self._add_again(left)
            succeeded = super().run() and succeeded
        return succeeded

    def _is_forgotten(self) -> bool:
        """Say whether the scheduler knows of nothing that this worker waits for."""
        answer = self._last_answer
        is_asked = answer.worker_state == luigi.worker.WORKER_STATE_ACTIVE and not self._stop_requesting_work
        return is_asked and not (answer.n_pending_tasks or answer.running_tasks or self.run_together_elsewhere())

    def _add_again(self, left: list[Outcome]) -> None:
        """Give the scheduler again what is left of what this worker was given; what is there was made by others."""
        told: set[str] = set()
        for one in left:
            before = len(self._add_task_history)
            if one.task.task_id not in told:
                # What it requires is given with it, but for what something requires that is there by now.
                self.add(one.task)
            told |= {task.task_id for task, *_ in self._add_task_history[before:]}
            one.was_due = one.status != luigi.worker.DONE

    def run_together_elsewhere(self) -> list[dict[str, str]]:
        """Return what other workers run together with others of its kind; the scheduler counts none as running."""
        found = self._scheduler.task_list(BATCH_RUNNING, "", limit=False).items()
        ours = [(task_id, one["worker_running"]) for task_id, one in found if task_id in self._scheduled_tasks]
        return [{"task_id": task_id, "worker": worker} for task_id, worker in ours if worker != self._id]
