"""How long it takes to make some partitions, and what it costs on EMR, by what earlier runs have recorded."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from pipeline.cli.console import say

if TYPE_CHECKING:
    import luigi


def forecast(tasks: Sequence[luigi.Task]) -> dict[str, Any]:
    """Return what earlier runs took for as many partitions, and of which tasks nothing is known."""
    from pipeline.core import config
    from pipeline.core.history import durations

    kinds = {task.task_family: task for task in tasks}
    numbers = Counter(task.task_family for task in tasks)
    known = durations(*numbers) if numbers else {}
    seconds = {family: known[family].seconds * number for family, number in numbers.items() if family in known}
    found = {"duration": {"seconds": _total(seconds), "unknown": [one for one in numbers if one not in known]}}
    on_emr = [one for one in numbers if getattr(kinds[one], "uses_spark", False)]
    if config.jobs().runner == "local" or not on_emr:
        return {**found, "cost": None}
    costs = {family: one.cost * numbers[family] for family, one in known.items() if one.cost is not None}
    unknown = [one for one in on_emr if one not in costs]
    return {**found, "cost": {"amount": _total(costs), "currency": config.emr_prices().currency, "unknown": unknown}}


def say_forecast(forecast: Mapping[str, Any]) -> None:
    duration, cost = forecast["duration"], forecast["cost"]
    seconds = duration["seconds"]
    how_long = "unknown" if seconds is None else "less than a second" if seconds < 1 else _rounded(seconds)
    say(f"How long, one after the other: {how_long}{_not_known(duration['unknown'])}")
    if cost:
        how_much = "unknown" if cost["amount"] is None else f"{cost['amount']:,.2f} {cost['currency']}"
        say(f"What it costs on EMR: {how_much}{_not_known(cost['unknown'])}")


def _rounded(seconds: float) -> str:
    return str(timedelta(seconds=round(seconds)))


def _total(of_tasks: Mapping[str, float]) -> float | None:
    return round(sum(of_tasks.values()), 3) if of_tasks else None


def _not_known(families: Sequence[str]) -> str:
    return f"; no history yet of {', '.join(families)}" if families else ""
