"""Runs the jobs of spark_jobs/ as steps of an EMR cluster, on copies of the lake's files in the cluster's HDFS.

An attempt's steps put beside its partitions what they refused and the job's report; a later run that finds the steps of
an earlier one goes on with that one's attempt.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from emr import steps
from emr.api import Emr
from emr.work import Reporter, Work
from pipeline.core import config
from pipeline.core.lake import Attempt
from pipeline.core.spark.code import upload_code
from pipeline.core.spark.failed_step import failed_step
from pipeline.core.spark.report import JobReport, name_of
from pipeline.core.spark.results import REPORT, explained
from pipeline.core.spark.run_cluster import clusters
from pipeline.core.spark.work import run_work, work_of

HDFS = "hdfs:///lakeshift"


def run_on_emr(name: str, locations: Mapping[Attempt, str], reporter: Reporter) -> dict[Attempt, JobReport]:
    """Run a job on folders of the lake, and return what its steps wrote below their attempt's folders.

    Raises JobFailed with the step, its state and where its log is; SourceUnavailable if EMR does not answer.
    """
    with explained(name_of(locations.keys()), "[lake] region"):
        emr = Emr.connect(config.lake().region)
    return run_work(emr, _work(emr, name, locations), locations.keys(), reporter, partial(failed_step, emr))


def _work(emr: Emr, name: str, locations: Mapping[Attempt, str]) -> Work:
    store = next(iter(locations)).store
    places_to_run = clusters(emr, store)
    code = upload_code(store, name)

    def filled(ones: Mapping[Attempt, str]) -> list[dict]:
        return steps.fill(steps.load(name), _places(ones) | {"code": code})

    return work_of(locations, places_to_run, filled)


def _places(locations: Mapping[Attempt, str]) -> dict[str, str]:
    """Return where an attempt's steps read and write."""
    [attempt, *_] = locations
    work = f"{HDFS}/{attempt.id}"
    result = f"{work}/result"
    return _inputs(f"{work}/input", locations) | {
        "run_id": attempt.id,
        "lake_result": attempt.store.url(attempt.base),
        "work": work,
        "result": result,
        "output": result,
        "refused": f"{result}/refused",
        "report": f"{result}/{REPORT}",
    }


def _inputs(folder: str, locations: Mapping[Attempt, str]) -> dict[str, str]:
    """Return what of the lake is copied to a folder, where to, and where the job then finds it."""
    if len(locations) == 1:
        [(attempt, location)] = locations.items()
        copied = f"{folder}/{attempt.partition}"
        return {"lake_input": location, "lake_pattern": ".*", "copied": copied, "input": copied}
    # Below the dataset, each in the attempt that made it: s3-dist-cp keeps that.
    datasets, folders = zip(*(split(location) for location in locations.values()), strict=True)
    pattern = f".*/({'|'.join(folders)})/[^/]+"
    return {"lake_input": datasets[0], "lake_pattern": pattern, "copied": folder, "input": f"{folder}/*/*"}


def split(location: str) -> tuple[str, str]:
    """Return where the dataset of a partition lies, and the rest of the partition's location."""
    dataset, attempt, partition = location.rsplit("/", 2)
    return dataset, f"{attempt}/{partition}"
