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
    if not _can_be_asked(wanted) or not wanted.output().exists():
        # Refused if it follows something else, or was never made, and nothing else has been asked for yet.
        wanted.output().request_rerun()
    before = [task for task in tasks.values() if task != wanted and _needs(wanted, task)]
    sources = {} if keep_sources else _looked_at(wanted, before)
    changed = [source for source, has_changed in sources.items() if has_changed]
    others = [other for other in _made_of([wanted], tasks.values()) if other != wanted]
    asked = [*_made_of(changed, before), wanted, *(others if downstream else [])]
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
        if not any(other != last and _needs(other, last) for other in asked):
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
        if _can_be_asked(kind(date=day)):
            kind.bulk_complete([day])


def _kinds_made_of(kinds: Iterable[type[PartitionTask]], day: date) -> list[type[PartitionTask]]:
    tasks = _tasks_of(day)
    return [type(task) for task in _made_of([tasks[kind.__name__] for kind in kinds], tasks.values())]


def _request(kinds: Iterable[type[PartitionTask]], days: Sequence[date]) -> set[date]:
    """Ask for what is complete, and return on which days something was; kinds are given first to last."""
    found: set[date] = set()
    # Last to first: were it ended in between, nothing would be complete that is made of what will be replaced.
    for kind in reversed(list(kinds)):
        complete = kind.bulk_complete(days) if _can_be_asked(kind(date=days[0])) else []
        for day in complete:
            kind(date=day).output().request_rerun()
        found.update(complete)
    return found


def _can_be_asked(task: PartitionTask) -> bool:
    """Say whether a task is complete until a rerun is asked for, and does not just follow another's output."""
    from pipeline.core.targets import ExternalPartitionTarget
    from pipeline.core.tasks.published import PublishedTarget

    return not isinstance(task.output(), (ExternalPartitionTarget, PublishedTarget))


def _tasks_of(day: date) -> dict[str, PartitionTask]:
    """Return a task of the day for each name, out of all pipelines."""
    from pipeline.core.tasks import PartitionTask
    from pipeline.finding import all_task_classes

    kinds = [kind for kind in all_task_classes() if issubclass(kind, PartitionTask)]
    return {kind.__name__: kind(date=day) for kind in kinds if set(kind.get_param_names()) == {"date"}}


def _made_of(wanted: Sequence[PartitionTask], tasks: Iterable[PartitionTask]) -> list[PartitionTask]:
    """Return the wanted tasks and all that need them, each after those that it needs itself."""
    return sorted((task for task in tasks if any(_needs(task, one) for one in wanted)), key=_depth)


def _needs(task: PartitionTask, wanted: PartitionTask) -> bool:
    return task == wanted or any(_needs(required, wanted) for required in task.deps())


def _depth(task: PartitionTask) -> int:
    return 1 + max(map(_depth, task.deps()), default=0)
