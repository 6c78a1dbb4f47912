"""The kinds of task a pipeline is made of. Each makes one partition, wholly or not at all, and may be run again.

LakeTask                a partition of a dataset in the lake, committed by its manifest
  SourceTask            ... read from outside the lake, once its day has ended
    FeedTask            ... copied from a file that was dropped
    ExtractTask         ... queried from PostgreSQL
    TypedFilesTask      ... read from the many files that a list names
  SparkTask             ... made by a job of spark_jobs/
ExternalPartitionTask   the entry of the external catalogue that points at a partition in the lake
QueriedTable            a partition of a table of the warehouse, made by a SQL file and checked by another
PublishedFile           a copy of a dataset's file outside the lake
SnapshotTable           a table of PostgreSQL, all of which is replaced
"""

from pipeline.core import run
from pipeline.core.tasks.external import ExternalPartitionTask
from pipeline.core.tasks.extracts import ExtractTask
from pipeline.core.tasks.files import TypedFilesTask
from pipeline.core.tasks.lake import FeedTask, LakeTask
from pipeline.core.tasks.partition import PartitionTask
from pipeline.core.tasks.published import PublishedFile
from pipeline.core.tasks.queried import QueriedTable
from pipeline.core.tasks.snapshots import SnapshotTable
from pipeline.core.tasks.spark import SparkTask

__all__ = [
    "ExternalPartitionTask",
    "ExtractTask",
    "FeedTask",
    "LakeTask",
    "PartitionTask",
    "PublishedFile",
    "QueriedTable",
    "SnapshotTable",
    "SparkTask",
    "TypedFilesTask",
]

run.install()
