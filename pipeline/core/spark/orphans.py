"""What EMR runs for the lake of luigi.cfg although nobody waits for it: steps, job runs, and clusters of runs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from botocore.exceptions import BotoCoreError, ClientError

from emr import orphans as steps
from emr.api import FIRST_SECONDS, Emr
from emr.clusters import api
from emr.clusters import orphans as clusters
from emr.clusters.orphans import OrphanCluster
from emr.clusters.records import Records
from emr.clusters.slots import SLOTS
from emr.errors import LedgerUnreadable
from emr.ledger import Ledger
from emr.orphans import NAME, Services, Submission, is_cluster
from emr.serverless import Serverless
from pipeline.core import aws, config
from pipeline.core.errors import CheckFailed
from pipeline.core.lake import lake
from pipeline.core.spark.claims import UNREADABLE, entries
from pipeline.core.spark.results import short_hash


@dataclass(frozen=True)
class Orphans:
    """What was found, or was ended."""

    submissions: list[Submission] = field(default_factory=list)
    clusters: list[OrphanCluster] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.submissions or self.clusters)


class Search:
    """Looks at the clusters and applications where the lake's steps may be, and ends what is left there."""

    def __init__(self) -> None:
        self.store = lake().store
        self.ledger, self.records = Ledger(self.store), Records(self.store)
        self.root = short_hash(self.store.url(""))

    def find(self) -> Orphans:
        """Return what nobody waits for. Raises what EMR, or a lake that cannot be understood, says."""
        with _explained():
            known = {kept.entry.cluster_id for _, kept in entries(self.store)}
            # An earlier submission than the ledger's may have gone to another cluster of a pool.
            known |= {PurePosixPath(listed.path).parent.name for listed in self.store.list(SLOTS)}
            known |= _named()
            has_clusters = bool(list(self.records)) or any(map(is_cluster, known))
            # Who never had anything on EMR, or on EMR Serverless, needs no rights there.
            return self._find(_services(), known, has_clusters) if known or has_clusters else Orphans()

    def end(self, found: Orphans) -> Orphans:
        """Return what was ended of what was found: all that nobody took up meanwhile."""
        with _explained():
            services = _services()
            return Orphans(
                [one for one in found.submissions if steps.cancel(services, self.ledger, one)],
                [one for one in found.clusters if clusters.end(services.emr, self.records, one)],
            )

    def _find(self, services: Services, known: set[str], has_clusters: bool) -> Orphans:
        ready = {one["Id"]: one["Name"] for one in api.ready(services.emr)} if has_clusters else {}
        # On a cluster that has ended nothing goes on.
        looked_at = {one for one in known if one in ready or not is_cluster(one)}
        looked_at |= {one for one, name in ready.items() if name.startswith(NAME.format(root=self.root))}
        found = steps.going(services, self.ledger, self.root, sorted(looked_at))
        in_use = {one.cluster_id for one in found if not one.why}
        left = clusters.orphans(services.emr, self.records, self.root, in_use) if has_clusters else []
        return Orphans([one for one in found if one.why], left)


def _named() -> set[str]:
    """Return what the settings have the jobs run on; what they name beside that may be out of reach."""
    named = {"emr": config.emr().cluster_id, "emr-serverless": config.emr().application_id}
    return {named.get(config.jobs().runner, "")} - {""}


def _services() -> Services:
    region = config.lake().region
    return Services(Emr.connect(region, FIRST_SECONDS), Serverless.connect(region, FIRST_SECONDS))


@contextmanager
def _explained() -> Iterator[None]:
    try:
        yield
    except LedgerUnreadable as error:
        raise CheckFailed(f"{error}. {UNREADABLE}") from error
    except (ClientError, BotoCoreError) as error:
        raise aws.explained(error, "What runs on EMR") from error
