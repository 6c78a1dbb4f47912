"""A worker that goes on when its scheduler has forgotten it: it stood still for too long, or others were faster."""

from __future__ import annotations

from typing import Any

import luigi.worker
from luigi.task_status import BATCH_RUNNING

from pipeline.core.summary import Outcome, Summary


class LastingWorker(luigi.worker.Worker):
    """Luigi's worker, which ends once nothing is left of what it was given, or somebody else is at it."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.summary = Summary()
        self._given: list[tuple[tuple[Any, ...], dict[str, Any]]] = []
        self._last_answer: Any = None

    def add(self, *args: Any, **kwargs: Any) -> bool:
        self._given.append((args, kwargs))
        return super().add(*args, **kwargs)

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
        """Give the scheduler again what this worker was given; what is there by now was made by others."""
        given, self._given = self._given, []
        for args, kwargs in given:
            self.add(*args, **kwargs)
        for one in left:
            one.was_due = one.status != luigi.worker.DONE

    def run_together_elsewhere(self) -> list[dict[str, str]]:
        """Return what other workers run together with others of its kind; the scheduler counts none as running."""
        found = self._scheduler.task_list(BATCH_RUNNING, "", limit=False).items()
        ours = [(task_id, one["worker_running"]) for task_id, one in found if task_id in self._scheduled_tasks]
        return [{"task_id": task_id, "worker": worker} for task_id, worker in ours if worker != self._id]
