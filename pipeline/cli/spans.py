"""The partitions of a task that a command is asked about."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import typer

from pipeline.core.errors import PipelineError

if TYPE_CHECKING:
    from pipeline.core.spans import Span
    from pipeline.core.staleness import Node

Range = typer.Option("--range", help="2010-12, 2010-W48, or the first day and that after the last.")
Last = typer.Option("--last", metavar="TIME", help="In place of a range, such as 7d, 12h or 3m.")
Date = typer.Option("--date", metavar="DAY", help="One partition: a day, or what the task counts, such as 2019-03.")
Params = typer.Option("--params", metavar="JSON", help="Further parameters of the task, as Backfill --of-params.")


def span_of(name: str, interval: str | None, last: str | None, date: str | None, params: str | None) -> Span:
    """Return the partitions of a task that a range, or one of its periods, has. Raises PipelineError if it has none."""
    from pipeline.core.periods import parse_range, period_of
    from pipeline.core.spans import Span, latest
    from pipeline.finding import task_class

    if sum(map(bool, (interval, last, date))) != 1:
        raise PipelineError("Say one of --range, such as 2010-12-01-2011-01-01, --last, such as 7d, and --date.")
    kind, given = task_class(name), _given(params)
    if last:
        return Span(kind, latest(kind, last, given), given)
    if interval:
        return Span(kind, parse_range(interval), given)
    period = period_of(kind, given)
    try:
        value = period.parameter.parse(date)
    except ValueError:
        raise PipelineError(f"{date} is no {period.unit} of {kind.__name__}.") from None
    return Span(kind, period.covering([value]), given)


def node_record(node: Node) -> dict[str, Any]:
    """Return how a partition stands, and why."""
    cause = node.cause
    return {
        "task": node.task.task_family,
        "output": str(node.target),
        "status": node.status,
        "attempt": node.commit.attempt if node.commit else None,
        "cause": cause and {"cause": cause.what, "at": str(cause.task.output()), "detail": cause.detail},
    }


def _given(params: str | None) -> dict[str, Any]:
    try:
        given = json.loads(params or "{}")
    except ValueError:
        given = None
    if not isinstance(given, dict):
        raise PipelineError(f'--params {params} is no JSON object, such as \'{{"service": "yellow"}}\'.')
    return given
