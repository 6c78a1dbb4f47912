"""Asks for a day to be made again, although it is complete."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipeline.cli.completion import Task
from pipeline.cli.console import LUIGI, say
from pipeline.cli.output import answers
from pipeline.core.errors import PipelineError
from pipeline.core.graph import made_of, needs

if TYPE_CHECKING:
    from pipeline.core.tasks import PartitionTask
    from pipeline.core.tasks.lake import SourceTask


def _show(answer: Mapping[str, Any]) -> None:
    first, *others = answer["asked"]
    say(f"{first['output']} will be made again")
    for other in others:
        say(f"{other['output']} too")
    for line in answer["next"]:
        say(f"Next: {line}")
    if answer["left"]:
        last = answer["left"][-1]["output"]
        say(f"What is made of it, such as {last}, stays as it is; with --downstream it is asked for too")


@answers(_show)
def rerun(
    task: Annotated[str, Task],
    day: Annotated[datetime, typer.Option("--date", formats=["%Y-%m-%d"], help="The day, such as 2010-12-01.")],
    downstream: Annotated[bool, typer.Option("--downstream", help="And of all that is made of it.")] = False,
    keep_sources: Annotated[
        bool, typer.Option("--keep-sources", help="Read nothing outside the lake again, also if it has changed.")
    ] = False,
) -> dict[str, Any]:
    """Ask for a partition to be made again by the next run. What is there stays readable until it is replaced."""
    tasks = _tasks_of(day.date())
    wanted = _named(task, tasks)
    if wanted.output().follows or not wanted.output().exists():
        # Refused if it follows something else, or was never made, and nothing else has been asked for yet.
        wanted.output().request_rerun()
    before = [task for task in tasks.values() if task != wanted and needs(wanted, task)]
    sources = {} if keep_sources else _looked_at(wanted, before)
    changed = [source for source, has_changed in sources.items() if has_changed]
    others = [other for other in made_of([wanted], tasks.values()) if other != wanted]
    asked = [*made_of(changed, before), wanted, *(others if downstream else [])]
    _request(map(type, asked), [wanted.date])
    return {
        "has_changed": {source.task_family: has_changed for source, has_changed in sources.items()},
        "asked": _records(asked),
        "left": _records([] if downstream else others),
        "next": list(_lines(asked)),
    }


def _records(tasks: Iterable[PartitionTask]) -> list[dict[str, Any]]:
    return [{"task": one.task_family, "date": one.date, "output": str(one.output())} for one in tasks]


def _lines(asked: Sequence[PartitionTask]) -> Iterator[str]:
    """Yield the commands that make what was asked for."""
    for last in asked:
        if not any(other != last and needs(other, last) for other in asked):
            yield LUIGI.format(module=last.__module__, task=last.task_family, day=last.date)


def _named(name: str, tasks: Mapping[str, PartitionTask]) -> PartitionTask:
    """Return the task of a name, with the module before it or without."""
    module, _, family = name.rpartition(".")
    task = tasks.get(family)
    if task is None or module not in ("", task.__module__):
        raise PipelineError(f"There is no task {name} that makes a day. There are: {', '.join(sorted(tasks))}")
    return task


def _looked_at(wanted: PartitionTask, before: Iterable[PartitionTask]) -> dict[PartitionTask, bool | None]:
    """Return, and say, which of the tasks before one have a source that has changed since it was read."""
    from pipeline.core.tasks.lake import SourceTask

    looked_at: dict[PartitionTask, bool | None] = {
        task: _has_changed(task) for task in before if isinstance(task, SourceTask)
    }
    for task, has_changed in looked_at.items():
        if has_changed:
            say(f"The source of {task.task_family} has changed since it was read")
    if looked_at and all(has_changed is False for has_changed in looked_at.values()):
        say(f"No source of {wanted.task_family} has changed since it was read")
    return looked_at


def _has_changed(task: SourceTask) -> bool | None:
    """Say whether a source has changed, or None if nobody knows."""
    try:
        return task.has_changed()
    except PipelineError as error:
        say(f"{task.output()} stays as it is, since it is not known whether its source has changed: {error}")
        return None


def request_reruns(kinds: Iterable[type[PartitionTask]], days: Sequence[date]) -> list[date]:
    """Ask for tasks, and all that is made of them, on those of the days that are made already; return these."""
    return sorted(_request(_kinds_made_of(kinds, days[0]), days)) if days else []


def check_reruns(kinds: Iterable[type[PartitionTask]]) -> None:
    """Raise what request_reruns would at a lake or a warehouse that does not say what is made, and ask for nothing."""
    day = date.today()
    for kind in _kinds_made_of(kinds, day):
        if not kind(date=day).output().follows:
            kind.bulk_complete([day])


def _kinds_made_of(kinds: Iterable[type[PartitionTask]], day: date) -> list[type[PartitionTask]]:
    tasks = _tasks_of(day)
    return [type(task) for task in made_of([tasks[kind.__name__] for kind in kinds], tasks.values())]


def _request(kinds: Iterable[type[PartitionTask]], days: Sequence[date]) -> set[date]:
    """Ask for what is complete, and return on which days something was; kinds are given first to last."""
    from pipeline.core.plans import request_last_to_first

    asked = [kind for kind in kinds if not kind(date=days[0]).output().follows]
    complete = [kind(date=day) for kind in asked for day in kind.bulk_complete(days)]
    request_last_to_first(complete)
    return {task.date for task in complete}


def _tasks_of(day: date) -> dict[str, PartitionTask]:
    """Return a task of the day for each name, out of all pipelines."""
    from pipeline.core.tasks import PartitionTask
    from pipeline.finding import all_task_classes

    kinds = [kind for kind in all_task_classes() if issubclass(kind, PartitionTask)]
    return {kind.__name__: kind(date=day) for kind in kinds if set(kind.get_param_names()) == {"date"}}
