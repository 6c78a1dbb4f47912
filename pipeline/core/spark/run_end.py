"""What a run made on EMR for itself ends with it."""

from __future__ import annotations

import logging
from pathlib import Path

from pipeline.core import config
from pipeline.core.errors import one_line

log = logging.getLogger(__name__)
# Where a run that needed a cluster keeps its id.
FILE = "emr-run"


def end_cluster(folder: Path) -> None:
    """Have the cluster of a run end, if its processes needed one."""
    if not (folder / FILE).exists():
        return
    # It takes half a second to import.
    from pipeline.core.spark.run_cluster import end

    try:
        for cluster in end(folder):
            log.info("%s, the run's own cluster, ends with it.", cluster)
    except Exception as error:
        idle_seconds = config.emr().idle_seconds
        log.error("The run's cluster could not be ended; it ends when idle for %s s: %s", idle_seconds, one_line(error))
