"""What jobs on EMR and on EMR Serverless have in common: the work that partitions are, and how it ends."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
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
from pipeline.core.spark.report import JobReport, name_of
from pipeline.core.spark.results import explained, inputs, partitions_name, result_of, title, with_id, written
from pipeline.core.spark.submitted import noted


def work_of(
    locations: Mapping[Attempt, str],
    clusters: Clusters,
    steps: Callable[[Mapping[Attempt, str]], list[dict[str, Any]]],
) -> Work:
    """Return the work of some partitions, by which its steps are found again; each attempt has steps of its own."""
    [first, *_] = attempts = list(locations)

    def filled(attempt_id: str) -> list[dict[str, Any]]:
        return steps(dict(zip(with_id(attempts, attempt_id), locations.values(), strict=True)))

    return Work(
        key=f"{first.dataset}/{partitions_name(attempts)}",
        title=title(attempts),
        inputs=inputs(locations),
        clusters=clusters,
        new_attempt=new_attempt_id,
        steps=filled,
        has_result=lambda attempt_id: written(with_id(attempts, attempt_id)) is not None,
        host_folder=runtime_folder() / "emr",
        poll_seconds=config.emr().poll_seconds,
        watched=lambda entry, told: note_steps(f"{first.dataset} {partitions_name(attempts)}", entry, told),
    )


def run_work(
    emr: Emr,
    work: Work,
    attempts: Collection[Attempt],
    reporter: Reporter,
    failed: Callable[[StepFailed, str], JobFailed],
) -> dict[Attempt, JobReport]:
    """Return what the steps of a work wrote. Raises what `failed` makes of a step that did, or what EMR does not do."""
    what, [first, *_] = name_of(attempts), attempts
    with explained(what, work.clusters.what):
        try:
            with noted(work.key):
                entry = run(emr, Ledger(first.store), work, reporter)
        except StepFailed as error:
            raise failed(error, what) from error
    return result_of(entry, attempts)
