"""What the jobs of a run cost on EMR: its processes note the steps that they wait for, and its summary tells the rest.

Whoever begins to wait notes it, so that what fails, or is cancelled with its process, is counted too.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timezone
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.core import config
from pipeline.core.errors import one_line
from pipeline.core.prices import price_of
from pipeline.core.spark.client import run_folder

if TYPE_CHECKING:
    from emr.api import Step
    from emr.cost import Hours, Use
    from emr.ledger import Entry

# When a step began and ended, if that is known.
Times = tuple[str, str] | None

FILE = "emr-steps"
# Whoever waits for the end of a run can do without its price.
PATIENCE_SECONDS = 10.0
INSTANCES = "instance-hours"
UNITS = {
    "vcpu_hour": "vCPU-hours",
    "memory_gb_hour": "GB-hours of memory",
    "storage_gb_hour": "GB-hours of storage",
}
SMALL, CENT = Decimal("0.1"), Decimal("0.01")


def note_steps(partition: str, entry: Entry, steps: Sequence[Step]) -> None:
    """Have the run know of a submission that makes a partition, and of those of its steps that have ended."""
    times = {step.id: (step.started_at, step.ended_at) for step in steps if step.started_at and step.ended_at}
    note = {"partition": partition, "place": entry.cluster_id, "steps": dict.fromkeys(entry.step_ids) | times}
    line = json.dumps(note, default=datetime.isoformat) + "\n"
    # The steps matter more than what they cost. Unbuffered, a line is one write, which no other process can split.
    with suppress(OSError), (run_folder() / FILE).open("ab", buffering=0) as file:
        file.write(line.encode())


@dataclass
class Cost:
    """What the steps that a run waited for cost: in words, and by their dataset where all prices are known."""

    lines: list[str] = field(default_factory=list)
    # In the currency of [emr_prices].
    by_dataset: dict[str, Decimal] = field(default_factory=dict)

    def add(self, used: Use) -> None:
        self.lines += _lines(used)
        for partition, hours in used.by_partition.items() if not _unpriced(used) else ():
            dataset = partition.partition(" ")[0]
            self.by_dataset[dataset] = self.by_dataset.get(dataset, Decimal(0)) + _money(hours)


def cost_of(folder: Path) -> Cost:
    """Return what the steps cost that a run waited for: nothing if there were none."""
    cost = Cost()
    try:
        noted = _noted(folder)
    except (OSError, ValueError) as error:
        return Cost([f"EMR: what the run cost is not known: {one_line(error)}"])
    for place, partitions in noted.items():
        try:
            cost.add(_use(place, partitions))
        except Exception as error:
            # The run is as good without.
            cost.lines.append(f"EMR: what the steps on {place} cost is not known: {one_line(error)}")
    return cost


def _noted(folder: Path) -> dict[str, dict[str, dict[str, Times]]]:
    """Return the steps by their cluster and partition, with when they ran if that is noted."""
    noted: dict[str, dict[str, dict[str, Times]]] = defaultdict(lambda: defaultdict(dict))
    file = folder / FILE
    for line in file.read_text(encoding="utf-8").splitlines() if file.exists() else ():
        note = json.loads(line)
        noted[note["place"]][note["partition"]].update(note["steps"])
    return noted


def _use(place: str, partitions: Mapping[str, Mapping[str, Times]]) -> Use:
    # They take half a second to import.
    from emr.cost import Span, use
    from emr.serverless import Serverless
    from emr.serverless_cost import billed
    from pipeline.core.spark.service import connect

    emr = connect(PATIENCE_SECONDS)
    if isinstance(emr, Serverless):
        return billed(emr, place, partitions)
    spans = {
        partition: {one: Span(*map(datetime.fromisoformat, times)) if times else None for one, times in steps.items()}
        for partition, steps in partitions.items()
    }
    return use(emr, place, spans, datetime.now(timezone.utc))


def _lines(used: Use) -> Iterator[str]:
    """Yield what is said of a cluster or an application, and of each partition where there are several."""
    unpriced = _unpriced(used)
    instances = ", ".join(f"{count} {kind}" for kind, count in used.counts.items())
    counted = f" ({instances})" if instances else ""
    price = f"; [emr_prices] has no price of {', '.join(unpriced)}" if unpriced else _paid(used.hours)
    untold = f"; EMR does not tell yet what {_job_runs(used.untold)} used" if used.untold else ""
    yield f"EMR: {_amounts(used.hours)} on {used.place}{counted}{price}{untold}"
    for partition in sorted(used.by_partition) if len(used.by_partition) > 1 else ():
        hours = used.by_partition[partition]
        yield f"  {partition}: {_amounts(hours)}{'' if unpriced else _paid(hours)}"


def _amounts(hours: Hours) -> str:
    """Return hours in words, those of instances of all kinds together."""
    amounts: dict[str, float] = {}
    for kind, amount in hours.items():
        unit = UNITS.get(kind, INSTANCES)
        amounts[unit] = amounts.get(unit, 0.0) + amount
    return ", ".join(f"{_short(amount)} {unit}" for unit, amount in amounts.items()) or "nothing"


def _unpriced(used: Use) -> list[str]:
    return [kind for kind in used.hours if price_of(kind) is None]


def _money(hours: Hours) -> Decimal:
    return sum((Decimal(amount) * (price_of(kind) or 0) for kind, amount in hours.items()), Decimal(0))


def _paid(hours: Hours) -> str:
    money = _money(hours)
    shown = f"< {CENT}" if 0 < money < CENT else _short(money)
    return f", {shown} {config.emr_prices().currency}"


def _job_runs(count: int) -> str:
    return f"{count} job run{'' if count == 1 else 's'}"


def _short(amount: float | Decimal) -> str:
    """Return an amount with two digits after the point, or two that are not 0."""
    amount = Decimal(amount)
    return f"{amount:,.2f}" if amount >= SMALL or not amount else f"{Decimal(f'{amount:.2g}'):f}"
