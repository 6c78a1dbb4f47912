"""Runs the jobs of spark_jobs/ as steps of an EMR cluster, on copies of the lake's files in the cluster's HDFS.

An attempt's steps put beside its partition what they refused and the job's report; a later run that finds the steps of
an earlier one goes on with that one's attempt.
"""

from __future__ import annotations

from functools import partial

from emr import steps
from emr.api import Emr
from emr.work import Reporter, Work
from pipeline.core import config
from pipeline.core.lake import Attempt
from pipeline.core.spark.code import upload_code
from pipeline.core.spark.failed_step import failed_step
from pipeline.core.spark.report import JobReport
from pipeline.core.spark.results import REPORT, explained
from pipeline.core.spark.run_cluster import clusters
from pipeline.core.spark.work import run_work, work_of

HDFS = "hdfs:///lakeshift"


def run_on_emr(name: str, input_location: str, attempt: Attempt, reporter: Reporter) -> JobReport:
    """Run a job on a folder of the lake, and return what its steps wrote below their attempt's folders.

    Raises JobFailed with the step, its state and where its log is; SourceUnavailable if EMR does not answer.
    """
    with explained(attempt, "[lake] region"):
        emr = Emr.connect(config.lake().region)
    work = _work(emr, name, input_location, attempt)
    return run_work(emr, work, attempt, reporter, partial(failed_step, emr))


def _work(emr: Emr, name: str, input_location: str, attempt: Attempt) -> Work:
    places_to_run = clusters(emr, attempt.store)
    code = upload_code(attempt.store, name)

    def filled(one: Attempt) -> list[dict]:
        return steps.fill(steps.load(name), _places(input_location, one) | {"code": code})

    return work_of(attempt, input_location, places_to_run, filled)


def _places(input_location: str, attempt: Attempt) -> dict[str, str]:
    """Return where an attempt's steps read and write."""
    work = f"{HDFS}/{attempt.id}"
    result = f"{work}/result"
    return {
        "run_id": attempt.id,
        "lake_input": input_location,
        "lake_result": attempt.store.url(attempt.base),
        "work": work,
        "input": f"{work}/input/{attempt.partition}",
        "result": result,
        "output": result,
        "refused": f"{result}/refused",
        "report": f"{result}/{REPORT}",
    }
