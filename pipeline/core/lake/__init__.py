"""Where a partition lies, manifests and attempts; the only place a date becomes a path.

A partition is complete when its manifest exists and no rerun was requested since. The manifest is written
last, once, atomically, and says where the data is; an attempt writes only below its own folder.
"""

from pipeline.core import config
from pipeline.core.lake.attempt import Attempt
from pipeline.core.lake.manifest import Counts, Dataset, File, Input, Manifest, Partition, refuse_too_many
from pipeline.core.lake.partitions import Lake, State
from pipeline.core.lake.paths import attempt_in, begun_at, new_attempt_id, seed_quarantine_path
from pipeline.core.store import open_store

__all__ = [
    "Attempt",
    "Counts",
    "Dataset",
    "File",
    "Input",
    "Lake",
    "Manifest",
    "Partition",
    "State",
    "attempt_in",
    "begun_at",
    "lake",
    "new_attempt_id",
    "refuse_too_many",
    "seed_quarantine_path",
]


def lake() -> Lake:
    """Return the lake of luigi.cfg; cheap, and to be asked for anew after a fork."""
    return Lake(open_store(config.lake().root))
