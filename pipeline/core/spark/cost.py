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
from pipeline.core.prices import instance_price
from pipeline.core.spark.client import run_folder

if TYPE_CHECKING:
    from emr.cost import Use

FILE = "emr-steps"
# Whoever waits for the end of a run can do without its price.
PATIENCE_SECONDS = 10.0
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
    noted = _noted(folder)
    try:
        return [line for used in _uses(noted) for line in _lines(used)]
    except Exception as error:
        # The run is as good without.
        return [f"EMR: what the steps cost is not known: {one_line(error)}"]


def _noted(folder: Path) -> dict[str, dict[str, list[str]]]:
    """Return the ids of the steps by their cluster and partition."""
    noted: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    file = folder / FILE
    for line in file.read_text(encoding="utf-8").splitlines() if file.exists() else ():
        note = json.loads(line)
        noted[note["cluster_id"]][note["partition"]] += note["step_ids"]
    return noted


def _uses(noted: Mapping[str, Mapping[str, Sequence[str]]]) -> Iterator[Use]:
    if not noted:
        return
    # It takes half a second to import.
    from emr.api import Emr
    from emr.cost import use

    emr = Emr.connect(config.lake().region, PATIENCE_SECONDS)
    for cluster_id, ids_by_partition in noted.items():
        yield use(emr, cluster_id, ids_by_partition, datetime.now(timezone.utc))


def _lines(used: Use) -> Iterator[str]:
    """Yield what is said of a cluster, and of each partition where there are several."""
    hours, money, unpriced = sum(used.hours.values()), _money(used.hours), _unpriced(used.hours)
    instances = ", ".join(f"{count} {kind}" for kind, count in used.counts.items())
    price = f"; [emr_prices] has no price of {', '.join(unpriced)}" if unpriced else _paid(money)
    yield f"EMR: {_short(hours)} instance-hours on {used.cluster_id} ({instances or 'no instances'}){price}"
    for partition, share in used.shares.items() if len(used.shares) > 1 else ():
        paid = "" if unpriced else _paid(money * Decimal(share))
        yield f"  {partition}: {_short(hours * share)} instance-hours{paid}"


def _unpriced(hours: Mapping[str, float]) -> list[str]:
    return [kind for kind in hours if instance_price(kind) is None]


def _money(hours: Mapping[str, float]) -> Decimal:
    return sum((Decimal(spent) * (instance_price(kind) or 0) for kind, spent in hours.items()), Decimal(0))


def _paid(money: Decimal) -> str:
    return f", {_short(money)} {config.emr_prices().currency}"


def _short(amount: float | Decimal) -> str:
    """Return an amount with two digits after the point, or two that are not 0."""
    amount = Decimal(amount)
    return f"{amount:,.2f}" if amount >= SMALL or not amount else f"{amount:.2g}"
