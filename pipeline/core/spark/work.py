"""What jobs on EMR and on EMR Serverless have in common: the work that a partition is, and how it ends."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

from emr.api import Emr
from emr.errors import StepFailed
from emr.ledger import Ledger
from emr.runner import run
from emr.work import Clusters, Reporter, Work
from pipeline.core import config
from pipeline.core.errors import JobFailed
from pipeline.core.lake import Attempt, new_attempt_id
from pipeline.core.runtime import runtime_folder
from pipeline.core.spark.cost import note_steps
from pipeline.core.spark.report import JobReport
from pipeline.core.spark.results import explained, inputs, report_of, result_of, title
from pipeline.core.spark.submitted import noted


def work_of(
    attempt: Attempt, input_location: str, clusters: Clusters, steps: Callable[[Attempt], list[dict[str, Any]]]
) -> Work:
    """Return the work of a partition, by which its steps are found again; each attempt has steps of its own."""

    def with_id(attempt_id: str) -> Attempt:
        return dataclasses.replace(attempt, id=attempt_id)

    return Work(
        key=f"{attempt.dataset}/{attempt.partition}",
        title=title(attempt),
        inputs=inputs(input_location, attempt),
        clusters=clusters,
        new_attempt=new_attempt_id,
        steps=lambda attempt_id: steps(with_id(attempt_id)),
        has_result=lambda attempt_id: report_of(with_id(attempt_id)) is not None,
        host_folder=runtime_folder() / "emr",
        poll_seconds=config.emr().poll_seconds,
        watched=lambda entry, told: note_steps(_name(attempt), entry, told),
    )


def run_work(
    emr: Emr, work: Work, attempt: Attempt, reporter: Reporter, failed: Callable[[StepFailed, str], JobFailed]
) -> JobReport:
    """Return what the steps of a work wrote. Raises what `failed` makes of a step that did, or what EMR does not do."""
    with explained(attempt, work.clusters.what):
        try:
            with noted(work.key):
                entry = run(emr, Ledger(attempt.store), work, reporter)
        except StepFailed as error:
            raise failed(error, _name(attempt)) from error
    return result_of(entry, attempt)


def _name(attempt: Attempt) -> str:
    return f"{attempt.dataset} {attempt.partition}"
