"""A worker that asks together what is complete, and has Spark start while other work is done."""

from __future__ import annotations

from typing import Any

import luigi
import luigi.worker

from pipeline.core import config
from pipeline.core.completeness import Known, asking_together, remembered
from pipeline.core.outcomes import NotingWorker
from pipeline.core.signals import Signals
from pipeline.core.spark import client


class BulkWorker(NotingWorker):
    """Luigi's worker, by which a store is asked as often for a thousand partitions as for one."""

    def known(self) -> Known:
        """Return what is known while a task is added, with what it needs."""
        return Known()

    def add(self, task: luigi.Task, *args: Any, **kwargs: Any) -> bool:
        with remembered(self.known()):
            return super().add(task, *args, **kwargs)

    def _create_task_process(self, task: luigi.Task) -> Any:
        process = super()._create_task_process(task)
        process.check_complete = asking_together(process.check_complete, task)
        return process

    def _get_work(self) -> Any:
        Signals.raise_again()
        return super()._get_work()

    def _handle_next_task(self) -> None:
        Signals.raise_again()
        super()._handle_next_task()

    @property
    def due(self) -> list[luigi.Task]:
        """The tasks that were added, and are to be run."""
        return [one.task for one in self.summary.select(luigi.worker.PENDING)]

    def run(self) -> bool:
        if config.jobs().runner == "local" and any(getattr(task, "uses_spark", False) for task in self.due):
            client.prewarm()
        return super().run()
