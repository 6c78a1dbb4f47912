"""Datasets that a Spark job makes of another: of many partitions at once, where they are ready at once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from pipeline.core.errors import CheckFailed, PipelineError
from pipeline.core.lake import Attempt, Input, Manifest, lake
from pipeline.core.spark.batches import run_together
from pipeline.core.spark.report import JobReport
from pipeline.core.tasks.lake import LakeTask, Made, Written
from pipeline.core.tasks.together import each_alone


class SparkTask(LakeTask):
    """A dataset that a job of spark_jobs/ makes of the same partition of the one that this task requires."""

    job: ClassVar[str]
    uses_spark = True

    # A job's cold parts, its plan and its commit, cost as much for one as for these; and EMR takes no longer arguments.
    max_batch_size = 100

    def write_together(self, attempts: Mapping[Any, Attempt]) -> Mapping[Any, Written]:
        ends: dict[Any, Any] = _inputs(attempts)
        inputs = {task: manifest for task, manifest in ends.items() if isinstance(manifest, Manifest)}
        if inputs:
            locations = {attempts[task]: manifest.location for task, manifest in inputs.items()}
            reports = run_together(self.job, locations, self)
            ends |= each_alone(inputs, lambda task, manifest: task.made(reports[attempts[task]], manifest))
        return ends

    def made(self, report: JobReport | PipelineError, manifest: Manifest) -> Made:
        """Return what the job wrote of this task's partition. Raises what kept it from that, or CheckFailed."""
        if isinstance(report, PipelineError):
            raise report
        if report.rows.read != manifest.rows.written:
            raise CheckFailed(
                f"{self.output()}: {self.job} read {report.rows.read:,} rows of {manifest.location}, which holds"
                f" {manifest.rows.written:,}. Nothing was committed; look how it reads them."
            )
        required = self.requires()
        source = Input(required.dataset.path, str(required.partition), manifest.attempt)
        # What it reads is committed, so that the same line again would read it again.
        remedy = f"When they are mended: lakeshift rerun {required.task_family} --date {self.date} --downstream"
        return Made(report.rows, report.files, report.schema, (source,), remedy=remedy, attempt=report.attempt)

    def progress(self, percent: float) -> None:
        """Show how far the job is, from 0 to 100."""
        if self.set_progress_percentage:
            self.set_progress_percentage(round(percent))

    def tracking_url(self, url: str) -> None:
        """Show where the job can be watched."""
        if self.set_tracking_url:
            self.set_tracking_url(url)


def _inputs(tasks: Mapping[Any, Attempt]) -> dict[Any, Manifest | PipelineError]:
    """Return the manifest of what each task reads, or why there is none to read."""
    required = {task: task.requires() for task in tasks}
    [dataset] = {one.dataset for one in required.values()}
    manifests = lake().complete_manifests(dataset, [one.partition for one in required.values()])
    return {task: manifests[one.partition] for task, one in required.items()}
