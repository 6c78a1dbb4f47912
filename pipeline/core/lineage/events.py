"""OpenLineage's events of what was committed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timezone
from typing import Any

import luigi
from openlineage.client.event_v2 import InputDataset, Job, OutputDataset, Run, RunEvent, RunState, set_producer
from openlineage.client.facet_v2 import (
    base_subset_dataset,
    dataset_version_dataset,
    datasource_dataset,
    input_statistics_input_dataset,
    job_type_job,
    nominal_time_run,
    output_statistics_output_dataset,
    parent_run,
    processing_engine_run,
    schema_dataset,
)
from openlineage.client.serde import Serde
from openlineage.client.uuid import generate_static_uuid

from pipeline.core import config
from pipeline.core.commits import Commit
from pipeline.core.errors import PipelineError
from pipeline.core.lake import Input, Lake, Partition, begun_at
from pipeline.core.lineage.naming import Named, of_input, of_target
from pipeline.core.periods import period_of
from pipeline.core.version import code_version

ENGINE = "Lakeshift"


def events(
    lake: Lake, task: Any, commit: Commit, parent: parent_run.ParentRunFacet | None = None
) -> Iterator[RunEvent]:
    """Yield that the making of a partition began, and that it is complete; the same ones, whenever they are asked for.

    parent is the run that it was a part of, if that is known.
    """
    set_producer(f"urn:lakeshift:{code_version()}")
    target, job = task.output(), _job(task)
    made = of_target(lake, target)
    run = _run(task, made, commit, parent)
    yield RunEvent(eventType=RunState.START, eventTime=_text(begun_at(commit.attempt)), run=run, job=job)
    yield RunEvent(
        eventType=RunState.COMPLETE,
        eventTime=commit.made_at,
        run=run,
        job=job,
        inputs=[_read(of_input(lake, one), one) for one in commit.inputs],
        outputs=[_written(made, target.partition, commit)],
    )


def as_json(event: RunEvent) -> dict[str, Any]:
    """Return an event as JSON has it."""
    return Serde.to_dict(event)


def parent_of(roots: Sequence[luigi.Task], run_id: str) -> parent_run.ParentRunFacet | None:
    """Return what the run of an id is for the tasks that it made."""
    if not roots:
        return None
    number = str(generate_static_uuid(begun_at(run_id), run_id.encode()))
    return parent_run.ParentRunFacet(parent_run.Run(number), parent_run.Job(*_job_name(roots[0])))


def _run(task: Any, made: Named, commit: Commit, parent: parent_run.ParentRunFacet | None) -> Run:
    # A day of a batch shares its attempt with others.
    what = " ".join((*made, str(task.output().partition), commit.attempt))
    facets: dict[str, Any] = {
        "processing_engine": processing_engine_run.ProcessingEngineRunFacet(commit.code_version, ENGINE),
        "nominalTime": _nominal_time(task),
        "parent": parent,
    }
    number = str(generate_static_uuid(begun_at(commit.attempt), what.encode()))
    return Run(number, facets={name: facet for name, facet in facets.items() if facet})


def _job(task: luigi.Task) -> Job:
    namespace, name = _job_name(task)
    return Job(namespace, name, facets={"jobType": job_type_job.JobTypeJobFacet("BATCH", ENGINE.upper(), "TASK")})


def _job_name(task: luigi.Task) -> tuple[str, str]:
    module = task.task_module.removeprefix("pipeline.")
    return config.lineage().namespace, f"{module}.{task.task_family}"


def _nominal_time(task: luigi.Task) -> nominal_time_run.NominalTimeRunFacet | None:
    """Return which day, month or slot a task makes, or None where nobody knows."""
    try:
        period = period_of(type(task))
    except PipelineError:
        return None
    begin, end = period.span(getattr(task, period.name))
    return nominal_time_run.NominalTimeRunFacet(_text(begin), _text(end))


def _read(named: Named, source: Input) -> InputDataset:
    read: dict[str, Any] = {}
    if "rows" in source.fingerprint:
        rows = int(source.fingerprint["rows"])
        read["inputStatistics"] = input_statistics_input_dataset.InputStatisticsInputDatasetFacet(rowCount=rows)
    if source.partition:
        condition = _subset(Partition.parse(source.partition))
        read["subset"] = base_subset_dataset.InputSubsetInputDatasetFacet(condition)
    return InputDataset(*named, inputFacets=read, facets=_facets(named, _version(source)))


def _version(source: Input) -> str:
    """Return by which attempt an input was made or, of a source outside, what tells this state of it from another."""
    fingerprint = source.fingerprint
    whole = ", ".join(f"{key}={value}" for key, value in fingerprint.items())
    return source.attempt or str(fingerprint.get("sha256", whole))


def _written(made: Named, partition: Partition, commit: Commit) -> OutputDataset:
    statistics = output_statistics_output_dataset.OutputStatisticsOutputDatasetFacet(
        commit.rows["written"], commit.bytes, commit.files
    )
    subset = base_subset_dataset.OutputSubsetOutputDatasetFacet(_subset(partition))
    facets = _facets(made, commit.attempt)
    if commit.schema:
        columns = enumerate(commit.schema.items(), start=1)
        fields = [
            schema_dataset.SchemaDatasetFacetFields(name, kind, ordinal_position=number)
            for number, (name, kind) in columns
        ]
        facets["schema"] = schema_dataset.SchemaDatasetFacet(fields)
    return OutputDataset(*made, outputFacets={"outputStatistics": statistics, "subset": subset}, facets=facets)


def _facets(named: Named, version: str) -> dict[str, Any]:
    uri = named.namespace if "://" in named.namespace else f"{named.namespace}:///"
    return {
        "dataSource": datasource_dataset.DatasourceDatasetFacet(named.namespace, uri),
        "version": dataset_version_dataset.DatasetVersionDatasetFacet(version),
    }


def _subset(partition: Partition) -> base_subset_dataset.PartitionSubsetCondition:
    one = base_subset_dataset.Partition({partition.key: partition.value}, str(partition))
    return base_subset_dataset.PartitionSubsetCondition([one])


def _text(moment: datetime) -> str:
    """Return a moment with its zone, which is UTC where it has none."""
    return (moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)).isoformat()
