"""Runs a pipeline when a marker is uploaded, on this host, as the function on AWS has it done there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.cli.completion import monitored_names
from pipeline.cli.console import complain, say
from pipeline.cli.exit_codes import of_signal
from pipeline.cli.output import Tell, streams
from pipeline.core.errors import PipelineError, one_line

if TYPE_CHECKING:
    from pipeline.cli.watched_runs import Event, WatchedRuns
    from pipeline.core.watching import Monitored

EVERY_SECONDS = 10
Name = typer.Argument(metavar="PIPELINE", help="Such as stocks.", autocompletion=monitored_names)
Once = typer.Option("--once", help="Run what is asked for now, and end with the worst exit code of the runs.")
Every = typer.Option(min=1, metavar="SECONDS", help="How often to look.")
Local = typer.Option("--local-scheduler", help="Run without luigid, as luigi's own option does.")


def _show(event: Event) -> None:
    (complain if event.event == "unavailable" else say)(event.text)


@streams(_show)
def watch(
    tell: Tell,
    name: Annotated[str, Name],
    once: Annotated[bool, Once] = False,
    every: Annotated[int, Every] = EVERY_SECONDS,
    local_scheduler: Annotated[bool, Local] = False,
) -> int:
    """Run a pipeline's days as markers ask for them: files in its monitored place that end in .SUCCESS.

    A day is run once, however often and on however many hosts it is asked for; one that failed, again when its marker
    is put again or this command is started again. With --json each thing that happens is one line of JSON.
    """
    from pipeline.cli.watched_runs import Event, WatchedRuns

    monitored = _monitored(name)
    options = ["--local-scheduler"] if local_scheduler else []
    with WatchedRuns(name, monitored, options, tell) as runs:
        often = "" if once else f" every {every} s"
        tell(Event("watching", f"Looking for markers of {name} in {monitored.place}{often}"))
        worst = runs.run_due()
        if not once:
            _go_on(runs, every, tell)
    return of_signal(runs.stopped) if runs.stopped else worst


def _go_on(runs: WatchedRuns, every: int, tell: Tell) -> None:
    """Run what is asked for until a signal comes; what keeps this process from looking may pass, and is said once."""
    from pipeline.cli.watched_runs import Event

    said = ""
    while not runs.stopped:
        runs.wait(every)
        try:
            runs.run_due()
            said = ""
        except PipelineError as error:
            if one_line(error) != said:
                said = one_line(error)
                tell(Event("unavailable", said))


def _monitored(name: str) -> Monitored:
    """Return what is watched for a pipeline, as its module says."""
    from pipeline.finding import pipelines

    found = {one: getattr(module, "monitored", None) for one, module in pipelines().items()}
    watched = {one: told for one, told in found.items() if told}
    if name not in watched:
        raise PipelineError(f"Nothing is watched for {name}. There is: {', '.join(sorted(watched))}")
    return watched[name]()
