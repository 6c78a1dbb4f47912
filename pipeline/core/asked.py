"""What a run was asked to make."""

from __future__ import annotations

import datetime
import shlex
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import luigi
from luigi.date_interval import DateInterval
from luigi.parameter import ParameterVisibility
from luigi.task_register import Register

from pipeline.core.settings import masked_text
from pipeline.core.summary import name_of

PUBLIC = ParameterVisibility.PUBLIC


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
        return shlex.join(["luigi", *_public(sys.argv[1:], roots)])
    # A program of somebody's own, which this is to stand for.
    return "; ".join(map(_typed, roots))


def _public(options: Sequence[str], roots: Iterable[luigi.Task]) -> Iterator[str]:
    """Yield what was typed, with *** for each value that is not to be shown."""
    hidden, is_value = _hidden_options(roots), False
    for option in options:
        name, sign, _ = option.partition("=")
        is_hidden = name.startswith("--") and name != "--" and any(one.startswith(name) for one in hidden)
        yield "***" if is_value else f"{name}=***" if is_hidden and sign else option
        is_value = is_hidden and not sign


def _hidden_options(roots: Iterable[luigi.Task]) -> set[str]:
    """Return the options for the parameters of tasks that are not public."""
    short = {f"--{name}" for task in roots for name, one in task.get_params() if one.visibility != PUBLIC}
    params = Register.get_all_params()
    long = {f"--{family}-{name}" for family, _, name, one in params if one.visibility != PUBLIC}
    return {option.replace("_", "-") for option in short | long}


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
