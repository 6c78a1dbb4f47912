"""What a shell completes: the names of tasks and pipelines, and second words of commands.

It is asked at every press of the key, so the pipelines are read and not imported, which would take a second.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import typer

import pipeline


def task_names() -> list[str]:
    """Return the names of the tasks of all pipelines."""
    return [node.name for _, node in _definitions() if isinstance(node, ast.ClassDef) and node.bases]


def monitored_names() -> list[str]:
    """Return the names of the pipelines that can be watched."""
    return [name for name, node in _definitions() if isinstance(node, ast.FunctionDef) and node.name == "monitored"]


def second_words(ctx: typer.Context) -> list[str]:
    """Return what follows the first word of a command's name, while nothing else does."""
    if any(ctx.params.values()):
        return []
    names = (name.partition(" ") for name in getattr(ctx.find_root().command, "commands", ()))
    return [second for first, _, second in names if first == ctx.info_name and second]


def _definitions() -> Iterator[tuple[str, ast.stmt]]:
    """Yield what the modules of the pipelines define, each after the pipeline's name."""
    for path in sorted(file for folder in pipeline.__path__ for file in Path(folder).glob("*.py")):
        try:
            module = ast.parse(path.read_bytes())
        except (OSError, SyntaxError, ValueError):
            # Whoever is just writing it wants no complaint in the middle of the line.
            continue
        yield from ((path.stem, node) for node in module.body if path.stem not in pipeline.NO_PIPELINES)


Task = typer.Argument(metavar="TASK", help="Such as UserBehaviourMetric.", autocompletion=task_names)
