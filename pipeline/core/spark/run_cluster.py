"""The clusters that the settings name, or the one that a run makes for itself and ends."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from emr.api import Emr
from emr.clusters.fixed import FixedCluster
from emr.clusters.pool import Pool, PoolPlan
from emr.clusters.records import POOL_CLUSTERS, Records
from emr.clusters.request import Template
from emr.clusters.runs import Run
from emr.clusters.slots import Slots
from emr.clusters.transient import RunCluster
from emr.lease import this_host
from emr.work import Clusters
from pipeline.core import config
from pipeline.core.cluster_file import template
from pipeline.core.lake import lake, new_attempt_id
from pipeline.core.locks import file_lock
from pipeline.core.spark.client import run_folder
from pipeline.core.spark.results import short_hash
from pipeline.core.spark.run_end import FILE
from pipeline.core.store import Store

LOCK = "emr-run.lock"
# Where the logs go if no setting says so, seen from the lake's root.
LOGS = "logs/emr/"
# Whoever waits for the end of a run has the cluster end by itself, when it was idle for long enough.
PATIENCE_SECONDS = 10.0


def clusters(emr: Emr, store: Store) -> Clusters:
    """Return where the submissions of this run go. Raises SettingError if the settings say too little."""
    settings = config.emr()
    if settings.cluster_id:
        return FixedCluster(settings.cluster_id)
    return _pool(emr, store, run_folder()) if settings.pool else _run_cluster(emr, store, run_folder())


def end(folder: Path) -> list[str]:
    """Have the clusters end that a run answers for, and return which these were."""
    emr, store = Emr.connect(config.lake().region, PATIENCE_SECONDS), lake().store
    # Without its turn: a process that was frozen in its own would keep the run from ending.
    return RunCluster(emr, Records(store), _template(store), _run(folder, _run_id(folder))).end()


def _run_cluster(emr: Emr, store: Store, folder: Path) -> RunCluster:
    with _turn(folder):
        if not (folder / FILE).exists():
            new = folder / f"{FILE}.new"
            new.write_text(new_attempt_id(), encoding="ascii")
            new.rename(folder / FILE)
    return RunCluster(emr, Records(store), _template(store), _run(folder, _run_id(folder)))


def _run_id(folder: Path) -> str:
    return (folder / FILE).read_text(encoding="ascii")


def _pool(emr: Emr, store: Store, folder: Path) -> Pool:
    settings = config.emr()
    plan = PoolPlan(settings.pool, settings.pool_clusters, settings.poll_seconds)
    made_of = _template(store) if settings.pool_clusters else Template({}, short_hash(store.url("")))
    return Pool(Slots(emr, store), Records(store, POOL_CLUSTERS), made_of, _run(folder, settings.pool), plan)


def _run(folder: Path, run_id: str) -> Run:
    _, pid, started = folder.name.split("-")[:3]
    return Run(run_id, f"{this_host()} {pid} {started}", lambda: _turn(folder))


@contextmanager
def _turn(folder: Path) -> Iterator[None]:
    with file_lock(folder / LOCK):
        yield


def _template(store: Store) -> Template:
    settings = config.emr()
    return template(settings, settings.log_uri or store.url(LOGS), short_hash(store.url("")))
