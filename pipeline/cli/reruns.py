"""Asks for a day to be made again, although it is complete."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterable, Iterator
from datetime import date, datetime
from typing import TYPE_CHECKING, Annotated

import typer

import pipeline
from pipeline.cli.console import say
from pipeline.core.errors import PipelineError

if TYPE_CHECKING:
    from pipeline.core.tasks import PartitionTask


def rerun(
    task: Annotated[str, typer.Argument(metavar="TASK", help="Such as UserBehaviourMetric.")],
    day: Annotated[datetime, typer.Option("--date", formats=["%Y-%m-%d"], help="The day, such as 2010-12-01.")],
    downstream: Annotated[bool, typer.Option("--downstream", help="And of all that is made of it.")] = False,
) -> None:
    """Ask for a partition to be made again by the next run. What is there stays readable until it is replaced."""
    tasks = _tasks_of(day.date())
    if task not in tasks:
        raise PipelineError(f"There is no task {task} that makes a day. There are: {', '.join(sorted(tasks))}")
    wanted = tasks[task]
    wanted.output().request_rerun()
    say(f"{wanted.output()} will be made again by the next run of it")
    for other in _downstream(wanted, tasks.values()) if downstream else ():
        # What is incomplete, or follows what has just become so, is made anyway.
        if other.output().exists():
            other.output().request_rerun()
        say(f"{other.output()} too")


def _tasks_of(day: date) -> dict[str, PartitionTask]:
    """Return a task of the day for each name, out of all pipelines."""
    for module in pkgutil.iter_modules(pipeline.__path__):
        if not module.ispkg:
            importlib.import_module(f"pipeline.{module.name}")
    from pipeline.core.tasks import PartitionTask

    kinds = (kind for kind in _descendants(PartitionTask) if not kind.__module__.startswith("pipeline.core."))
    return {kind.__name__: kind(date=day) for kind in kinds if set(kind.get_param_names()) == {"date"}}


def _descendants(kind: type[PartitionTask]) -> Iterator[type[PartitionTask]]:
    for child in kind.__subclasses__():
        yield child
        yield from _descendants(child)


def _downstream(wanted: PartitionTask, tasks: Iterable[PartitionTask]) -> list[PartitionTask]:
    """Return the tasks that need the wanted one, each after those that it needs itself."""
    return sorted((task for task in tasks if task != wanted and _needs(task, wanted)), key=_depth)


def _needs(task: PartitionTask, wanted: PartitionTask) -> bool:
    return task == wanted or any(_needs(required, wanted) for required in task.deps())


def _depth(task: PartitionTask) -> int:
    return 1 + max(map(_depth, task.deps()), default=0)
