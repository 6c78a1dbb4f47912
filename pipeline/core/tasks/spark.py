"""A dataset that a Spark job makes of another."""

from __future__ import annotations

from typing import ClassVar

from pipeline.core.errors import CheckFailed
from pipeline.core.lake import Attempt, Input, lake
from pipeline.core.spark.jobs import run_job
from pipeline.core.tasks.lake import LakeTask, Made


class SparkTask(LakeTask):
    """A dataset that a job of spark_jobs/ makes of the one that this task requires."""

    job: ClassVar[str]
    uses_spark = True

    def write(self, attempt: Attempt) -> Made:
        required = self.requires()
        manifest = lake().manifest(required.dataset, required.partition)
        report = run_job(self.job, manifest.location, attempt, self)
        if report.rows.read != manifest.rows.written:
            raise CheckFailed(
                f"{self.output()}: {self.job} read {report.rows.read:,} rows of {manifest.location}, which holds"
                f" {manifest.rows.written:,}. Nothing was committed; look how it reads them."
            )
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
