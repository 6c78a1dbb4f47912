"""What a run was asked to make."""

from __future__ import annotations

import datetime
import shlex
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import luigi
from luigi.date_interval import DateInterval

from pipeline.core.settings import masked_text
from pipeline.core.summary import name_of


@dataclass(frozen=True)
class Asked:
    """What a run is to make, as it is typed, and which runs do the same for other days: its series."""

    name: str
    command: str
    series: str
    is_minibatch: bool = False


def asked_of(roots: Sequence[luigi.Task]) -> Asked:
    """Return what a run of tasks is asked for; it is one of minibatches if each of these is."""
    names, series = (", ".join(map(each, roots)) for each in (name_of, _on_any_day))
    is_minibatch = bool(roots) and all(getattr(task, "is_minibatch", False) for task in roots)
    return Asked(names, masked_text(_as_typed(roots)), series, is_minibatch)


def _as_typed(roots: Iterable[luigi.Task]) -> str:
    program = Path(sys.argv[0])
    if program.name == "luigi" or program.parts[-2:] == ("luigi", "__main__.py"):
        return shlex.join(["luigi", *sys.argv[1:]])
    # A program of somebody's own, which this is to stand for.
    return "; ".join(map(_typed, roots))


def _typed(task: luigi.Task) -> str:
    params = task.to_str_params(only_significant=True, only_public=True)
    options = [part for name, value in params.items() for part in (f"--{name.replace('_', '-')}", value)]
    return shlex.join(["luigi", "--module", task.task_module, task.task_family, *options])


def _on_any_day(task: luigi.Task) -> str:
    """Return what a task is, whatever its day."""
    params = task.to_str_params(only_significant=True, only_public=True)
    same = [f"{name}={value}" for name, value in params.items() if not _is_time(getattr(task, name))]
    return " ".join([f"{task.task_module}.{task.task_family}", *same])


def _is_time(value: object) -> bool:
    return isinstance(value, datetime.date | DateInterval | tuple)
