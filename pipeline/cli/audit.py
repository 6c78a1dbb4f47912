"""Shows what the stores say differently of the same partitions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipeline.cli.completion import task_names
from pipeline.cli.console import counted, say
from pipeline.cli.exit_codes import ExitCode
from pipeline.cli.output import answers
from pipeline.core.errors import PipelineError

if TYPE_CHECKING:
    from pipeline.core.tasks import PartitionTask

Tasks = typer.Argument(
    metavar="[TASK ...]",
    help="These and all that they need; without one, those of all pipelines.",
    autocompletion=task_names,
)
Range = typer.Option(
    "--range", metavar="R", help="A month, a week, a year, a day, or the first day and the day after the last."
)
Deep = typer.Option("--deep", help="Also read how many rows each Parquet file says that it has.")
NoSources = typer.Option("--no-sources", help="Ask nothing of what lies outside the lake.")


def _show(answer: Mapping[str, Any]) -> None:
    for one in (*answer["disagreements"], *answer["notes"]):
        say(str(one))
    looked = [counted(number, noun) for noun, number in answer["looked_at"].items() if number]
    number = len(answer["disagreements"])
    result = counted(number, "disagreement") if number else "All agrees"
    say(f"{result}. Looked at: {', '.join(looked) or 'nothing, since nothing is there'}")


def _code(answer: Mapping[str, Any]) -> int:
    return ExitCode.FOUND if answer["disagreements"] else ExitCode.DONE


@answers(_show, code=_code)
def audit(
    names: Annotated[list[str] | None, Tasks] = None,
    within: Annotated[str | None, Range] = None,
    deep: Annotated[bool, Deep] = False,
    no_sources: Annotated[bool, NoSources] = False,
) -> dict[str, Any]:
    """Compare sources, manifests, files, external partitions and tables, and name each disagreement.

    It changes nothing. Exit code 3 says that something disagrees.
    """
    from pipeline.core.audit import audit
    from pipeline.core.periods import parse_range

    report = audit(_tasks(names or ()), parse_range(within) if within else None, deep, not no_sources)
    return {"disagreements": report.disagreements, "notes": report.notes, "looked_at": report.looked}


def _tasks(names: Sequence[str]) -> list[type[PartitionTask]]:
    """Return the tasks of the names, or of all pipelines."""
    from pipeline.core.tasks import PartitionTask
    from pipeline.finding import all_task_classes, task_class

    if not names:
        return [task for task in all_task_classes() if issubclass(task, PartitionTask)]
    found = []
    for task in map(task_class, names):
        if not issubclass(task, PartitionTask):
            raise PipelineError(f"{task.__name__} makes no partition of a day, so there is nothing to compare.")
        found.append(task)
    return found
