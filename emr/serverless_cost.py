"""What job runs of EMR Serverless are billed for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from emr.cost import Hours, Use
from emr.serverless import STORAGE, Serverless

# What EMR bills, by what its price is found by.
BILLED = {"vcpu_hour": "vCPUHour", "memory_gb_hour": "memoryGBHour", "storage_gb_hour": STORAGE}


def billed(emr: Serverless, application_id: str, partitions: Mapping[str, Iterable[str]]) -> Use:
    """Return what the job runs of some partitions, given by their ids, are billed for, as far as EMR tells."""
    told = {partition: [emr.used(application_id, one) for one in ids] for partition, ids in partitions.items()}
    by_partition = {
        partition: _sum({kind: used.get(name, 0.0) for kind, name in BILLED.items()} for used in some if used)
        for partition, some in told.items()
    }
    untold = sum(not used for some in told.values() for used in some)
    return Use(application_id, _sum(by_partition.values()), by_partition, untold=untold)


def _sum(some: Iterable[Hours]) -> Hours:
    total: Counter[str] = Counter()
    for hours in some:
        total.update({kind: amount for kind, amount in hours.items() if amount})
    return total
