"""Tells OpenLineage what was made of what."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from pipeline.cli.completion import Task
from pipeline.cli.console import counted, say
from pipeline.cli.exit_codes import ExitCode
from pipeline.cli.output import Tell, streams
from pipeline.cli.spans import Date, Last, Params, Range, span_of

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
    task: Annotated[str, Task],
    interval: Annotated[str | None, Range] = None,
    last: Annotated[str | None, Last] = None,
    date: Annotated[str | None, Date] = None,
    params: Annotated[str | None, Params] = None,
    to: Annotated[str | None, To] = None,
) -> int:
    """Show what is committed of a task and all that it needs as OpenLineage has it, or send the events of it.

    What is sent twice is one event.

    $OPENLINEAGE_API_KEY is sent as a bearer token, where it is set.
    """
    from pipeline.core.config import masked
    from pipeline.core.graph import requirements
    from pipeline.core.lake import lake
    from pipeline.core.lineage import committed, send
    from pipeline.core.lineage.events import as_json, events

    found = committed(requirements(span_of(task, interval, last, date, params).tasks()))
    if to:
        tell({"to": masked(to), "sent": send(found, to)})
        return ExitCode.DONE
    for made, commit in found:
        for event in events(lake(), made, commit):
            tell(as_json(event))
    return ExitCode.DONE
