"""Tells OpenLineage what was made of what."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipeline.cli.console import counted, say
from pipeline.cli.exit_codes import ExitCode
from pipeline.cli.output import Tell, streams
from pipeline.core.errors import PipelineError

if TYPE_CHECKING:
    import luigi

Name = typer.Argument(metavar="TASK", help="Such as UserBehaviourMetric; what it needs is told of too.")
Range = typer.Option("--range", help="Such as 2010-12, or 2010-12-01-2010-12-11 (the day after the last).")
Date = typer.Option("--date", help="Such as 2010-12-01, in the place of a range.")
To = typer.Option("--to", metavar="FILE|URL", help="Where the events go; without it, they are only shown.")


def _show(event: Mapping[str, Any]) -> None:
    if "sent" in event:
        say(f"Sent to {event['to']}: the events of {counted(event['sent'], 'partition')}")
    elif event["eventType"] == "COMPLETE":
        facets = event["outputs"][0]["outputFacets"]
        [partition] = facets["subset"]["outputCondition"]["partitions"]
        rows = counted(facets["outputStatistics"]["rowCount"], "row")
        inputs = " and ".join(f"{one['namespace']} {one['name']}" for one in event["inputs"])
        say(f"{event['job']['name']} {partition['identifier']}: {rows} of {inputs}")


@streams(_show)
def lineage(
    tell: Tell,
    task: Annotated[str, Name],
    interval: Annotated[str | None, Range] = None,
    date: Annotated[str | None, Date] = None,
    to: Annotated[str | None, To] = None,
) -> int:
    """Show the OpenLineage events of what is committed, or send them to a file or a URL: once or again, that is one.

    $OPENLINEAGE_API_KEY is sent as a bearer token, where it is set.
    """
    from pipeline.core.config import masked
    from pipeline.core.lake import lake
    from pipeline.core.lineage import commits, send
    from pipeline.core.lineage.events import as_json, events

    if bool(interval) == bool(date):
        raise PipelineError("Say which partitions: --range 2010-12, or --date 2010-12-01.")
    found = commits(_with_needed(_tasks(task, interval or date or "")))
    if to:
        tell({"to": masked(to), "sent": send(found, to)})
        return ExitCode.DONE
    for commit in found:
        for event in events(lake(), commit):
            tell(as_json(event))
    return ExitCode.DONE


def _tasks(name: str, interval: str) -> list[luigi.Task]:
    from pipeline.core.periods import parse_range, period_of
    from pipeline.finding import task_class

    period = period_of(task_class(name))
    return [period.task(value) for value in period.values(parse_range(interval))]


def _with_needed(tasks: Iterable[luigi.Task]) -> Iterator[luigi.Task]:
    """Yield tasks and all that they need, each once, and after what it needs itself."""
    seen: set[str] = set()

    def walked(task: luigi.Task) -> Iterator[luigi.Task]:
        if task.task_id not in seen:
            seen.add(task.task_id)
            for required in task.deps():
                yield from walked(required)
            yield task

    for task in tasks:
        yield from walked(task)
