"""Runs the jobs of spark_jobs/ as steps of an EMR cluster, on copies of the lake's files in the cluster's HDFS.

An attempt's steps put beside its partition what they refused and the job's report; a later run that finds the steps of
an earlier one goes on with that one's attempt.
"""

from __future__ import annotations

import dataclasses

from emr import steps
from emr.api import Emr
from emr.clusters.fixed import FixedCluster
from emr.errors import StepFailed
from emr.ledger import Entry, Ledger
from emr.runner import run
from emr.work import Reporter, Work
from pipeline.core import config
from pipeline.core.errors import SettingError
from pipeline.core.lake import Attempt, new_attempt_id
from pipeline.core.runtime import runtime_folder
from pipeline.core.spark.code import upload_code
from pipeline.core.spark.cost import note_steps
from pipeline.core.spark.failed_step import failed_step
from pipeline.core.spark.report import JobReport
from pipeline.core.spark.results import REPORT, beside, explained, inputs, report_of, result_of, title
from pipeline.core.spark.submitted import noted

HDFS = "hdfs:///lakeshift"


def run_on_emr(name: str, input_location: str, attempt: Attempt, reporter: Reporter) -> JobReport:
    """Run a job on a folder of the lake, and return what its steps wrote below their attempt's folders.

    Raises JobFailed with the step, its state and where its log is; SourceUnavailable if EMR does not answer.
    """
    work = _work(name, input_location, attempt)
    with explained(attempt, work):
        emr = Emr.connect(config.lake().region)
        entry = _run(emr, work, attempt, reporter)
    return result_of(entry, attempt)


def _run(emr: Emr, work: Work, attempt: Attempt, reporter: Reporter) -> Entry:
    try:
        with noted(work.key):
            return run(emr, Ledger(attempt.store), work, reporter)
    except StepFailed as error:
        raise failed_step(emr, error, f"{attempt.dataset} {attempt.partition}") from error


def _work(name: str, input_location: str, attempt: Attempt) -> Work:
    settings, root = config.emr(), attempt.store.url("")
    if not root.startswith("s3://") or not settings.cluster_id:
        raise SettingError(
            "[jobs] runner = emr needs a lake that EMR can read, [lake] root = s3://..., and [emr] cluster_id = j-..."
        )
    code = upload_code(attempt.store, name)

    def filled(attempt_id: str) -> list[dict]:
        places = _places(input_location, dataclasses.replace(attempt, id=attempt_id))
        return steps.fill(steps.load(name), places | {"code": code})

    return Work(
        key=f"{attempt.dataset}/{attempt.partition}",
        title=title(attempt),
        inputs=inputs(input_location, attempt),
        clusters=FixedCluster(settings.cluster_id),
        new_attempt=new_attempt_id,
        steps=filled,
        has_result=lambda attempt_id: report_of(dataclasses.replace(attempt, id=attempt_id)) is not None,
        host_folder=runtime_folder() / "emr",
        poll_seconds=settings.poll_seconds,
        watched=lambda entry: note_steps(f"{attempt.dataset} {attempt.partition}", entry.cluster_id, entry.step_ids),
    )


def _places(input_location: str, attempt: Attempt) -> dict[str, str]:
    """Return where an attempt's steps read and write."""
    work = f"{HDFS}/{attempt.id}"
    result = f"{work}/result"
    return {
        "run_id": attempt.id,
        "lake_input": input_location,
        "lake_result": attempt.store.url(beside(attempt)),
        "work": work,
        "input": f"{work}/input",
        "result": result,
        "output": f"{result}/{attempt.partition}",
        "refused": f"{result}/refused",
        "report": f"{result}/{REPORT}",
    }
