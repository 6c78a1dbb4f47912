"""The pipelines and the tasks that they define, and tasks of other modules by their name."""

from __future__ import annotations

import importlib
import pkgutil
from types import ModuleType
from typing import Any

import luigi
from luigi.task_register import Register, TaskClassAmbigiousException, TaskClassNotFoundException

import pipeline
from pipeline.core.errors import PipelineError, one_line

# Has the kinds of task; none of them makes anything by itself.
KINDS = "pipeline.core."


def pipelines() -> dict[str, ModuleType]:
    """Return the module of each pipeline by its name."""
    names = [one.name for one in pkgutil.iter_modules(pipeline.__path__) if not one.ispkg]
    return {name: importlib.import_module(f"pipeline.{name}") for name in names if name not in pipeline.NO_PIPELINES}


def all_task_classes() -> list[type[luigi.Task]]:
    """Return the tasks that the pipelines define, in the order of their modules."""
    return [
        found
        for module in pipelines().values()
        for found in vars(module).values()
        if isinstance(found, type) and issubclass(found, luigi.Task) and found.__module__ == module.__name__
    ]


def task_class(name: str) -> type[luigi.Task]:
    """Return the task of a name: one of a pipeline, one that is imported already, or <module>.<name> of any other.

    Raises PipelineError where there is none, or more than one.
    """
    known = {kind.__name__: kind for kind in all_task_classes()}
    module, _, family = name.rpartition(".")
    found = known.get(name) or _registered(name) or (_of_module(module, family) if module else None)
    if found is None:
        names = ", ".join(sorted(known))
        raise PipelineError(f"There is no task {name}. There are: {names}; or <module>.<name>, one of your own.")
    return found


def name_of_class(kind: type[luigi.Task]) -> str:
    """Return the name by which task_class finds a task in any process."""
    is_of_a_pipeline = kind in all_task_classes()
    return kind.__name__ if is_of_a_pipeline else f"{kind.__module__}.{kind.__qualname__}"


class TaskNameParameter(luigi.Parameter[Any]):
    """A task by the name by which it is found."""

    def normalize(self, value: Any) -> type[luigi.Task]:
        return task_class(value) if isinstance(value, str) else value

    def serialize(self, value: Any) -> str:
        return name_of_class(value)


def _registered(name: str) -> type[luigi.Task] | None:
    """Return what Luigi knows by a name, unless it is only a kind of task."""
    try:
        found = Register.get_task_cls(name)
    except TaskClassNotFoundException:
        return None
    except TaskClassAmbigiousException:
        raise PipelineError(f"There is more than one task {name}: write <module>.{name}.") from None
    return None if found.__module__.startswith(KINDS) else found


def _of_module(module: str, family: str) -> type[luigi.Task] | None:
    try:
        found = getattr(importlib.import_module(module), family, None)
    except ImportError as error:
        raise PipelineError(
            f"There is no task {module}.{family}: {one_line(error)}. Is the module's folder in $PYTHONPATH?"
        ) from error
    return found if isinstance(found, type) and issubclass(found, luigi.Task) else None
