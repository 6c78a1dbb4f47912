"""What the jobs of a run cost on EMR: its processes note the steps that they wait for, and its summary tells the rest.

Whoever begins to wait notes it, so that what fails, or is cancelled with its process, is counted too.
"""

from __future__ import annotations

import json
import os
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timezone
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.core import config
from pipeline.core.errors import one_line
from pipeline.core.prices import price_of
from pipeline.core.spark.client import run_folder

if TYPE_CHECKING:
    from emr.cost import Hours, Use

FILE = "emr-steps"
# Whoever waits for the end of a run can do without its price.
PATIENCE_SECONDS = 10.0
INSTANCES = "instance-hours"
UNITS = {
    "vcpu_hour": "vCPU-hours",
    "memory_gb_hour": "GB-hours of memory",
    "storage_gb_hour": "GB-hours of storage",
}
SMALL = Decimal("0.1")


def note_steps(partition: str, cluster_id: str, step_ids: Sequence[str]) -> None:
    """Have the run know of steps that make a partition."""
    line = json.dumps({"partition": partition, "cluster_id": cluster_id, "step_ids": list(step_ids)}) + "\n"
    # One write, which no other process can split.
    file = os.open(run_folder() / FILE, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        os.write(file, line.encode())
    finally:
        os.close(file)


def cost_lines(folder: Path) -> list[str]:
    """Return what is said at the end of a run of the steps that it waited for: nothing if there were none."""
    return [line for place, ids_by_partition in _noted(folder).items() for line in _told(place, ids_by_partition)]


def _noted(folder: Path) -> dict[str, dict[str, list[str]]]:
    """Return the ids of the steps by their cluster and partition."""
    noted: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    file = folder / FILE
    for line in file.read_text(encoding="utf-8").splitlines() if file.exists() else ():
        note = json.loads(line)
        noted[note["cluster_id"]][note["partition"]] += note["step_ids"]
    return noted


def _told(place: str, ids_by_partition: Mapping[str, Sequence[str]]) -> list[str]:
    try:
        return list(_lines(_use(place, ids_by_partition)))
    except Exception as error:
        # The run is as good without.
        return [f"EMR: what the steps on {place} cost is not known: {one_line(error)}"]


def _use(place: str, ids_by_partition: Mapping[str, Sequence[str]]) -> Use:
    # They take half a second to import.
    from emr.cost import use
    from emr.serverless import Serverless
    from emr.serverless_cost import billed
    from pipeline.core.spark.service import connect

    emr = connect(PATIENCE_SECONDS)
    if isinstance(emr, Serverless):
        return billed(emr, place, ids_by_partition)
    return use(emr, place, ids_by_partition, datetime.now(timezone.utc))


def _lines(used: Use) -> Iterator[str]:
    """Yield what is said of a cluster or an application, and of each partition where there are several."""
    unpriced = [kind for kind in used.hours if price_of(kind) is None]
    instances = ", ".join(f"{count} {kind}" for kind, count in used.counts.items())
    counted = f" ({instances})" if instances else ""
    price = f"; [emr_prices] has no price of {', '.join(unpriced)}" if unpriced else _paid(used.hours)
    untold = f"; of {used.untold} job runs EMR does not tell yet what they used" if used.untold else ""
    yield f"EMR: {_amounts(used.hours)} on {used.place}{counted}{price}{untold}"
    for partition, hours in used.by_partition.items() if len(used.by_partition) > 1 else ():
        yield f"  {partition}: {_amounts(hours)}{'' if unpriced else _paid(hours)}"


def _amounts(hours: Hours) -> str:
    """Return hours in words, those of instances of all kinds together."""
    amounts: dict[str, float] = {}
    for kind, amount in hours.items():
        unit = UNITS.get(kind, INSTANCES)
        amounts[unit] = amounts.get(unit, 0.0) + amount
    return ", ".join(f"{_short(amount)} {unit}" for unit, amount in amounts.items()) or "nothing"


def _paid(hours: Hours) -> str:
    money = sum((Decimal(amount) * (price_of(kind) or 0) for kind, amount in hours.items()), Decimal(0))
    return f", {_short(money)} {config.emr_prices().currency}"


def _short(amount: float | Decimal) -> str:
    """Return an amount with two digits after the point, or two that are not 0."""
    amount = Decimal(amount)
    return f"{amount:,.2f}" if amount >= SMALL or not amount else f"{amount:.2g}"
