"""Tells OpenLineage what was made of what."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from pipeline.cli.completion import task_names
from pipeline.cli.console import counted, say
from pipeline.cli.exit_codes import ExitCode
from pipeline.cli.output import Tell, streams
from pipeline.core.errors import PipelineError

Name = typer.Argument(
    metavar="TASK", help="Such as UserBehaviourMetric; what it needs is told of too.", autocompletion=task_names
)
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
    from pipeline.core.graph import requirements
    from pipeline.core.lake import lake
    from pipeline.core.lineage import committed, send
    from pipeline.core.lineage.events import as_json, events
    from pipeline.core.periods import parse_range
    from pipeline.core.spans import Span
    from pipeline.finding import task_class

    if bool(interval) == bool(date):
        raise PipelineError("Say which partitions: --range 2010-12, or --date 2010-12-01.")
    span = Span(task_class(task), parse_range(interval or date or ""))
    span.check()
    found = committed(requirements(map(span.task, span.values)))
    if to:
        tell({"to": masked(to), "sent": send(found, to)})
        return ExitCode.DONE
    for made, commit in found:
        for event in events(lake(), made, commit):
            tell(as_json(event))
    return ExitCode.DONE
