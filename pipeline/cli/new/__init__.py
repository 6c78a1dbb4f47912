"""Writes the skeleton of a pipeline, which works and has its tests."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

import pipeline
from pipeline.cli.console import LUIGI, say
from pipeline.cli.output import answers

Name = typer.Argument(metavar="PIPELINE", help="What the pipeline is called, such as orders: its module's name.")
One = typer.Option("--one", metavar="NAME", help="What one of its things is called, unless it is the name without s.")
Spark = typer.Option("--spark", help="With a job of Spark between the extract and the table.")
BY_HAND = (
    'pyproject.toml: "pipeline.{name}" in the layer of the pipelines, below [[tool.importlinter.contracts]]',
    "README.md: a line with a link to docs/{name}.md",
    "CHANGELOG.md: a line under Unreleased",
)


def _show(answer: Mapping[str, Any]) -> None:
    say(f"In {answer['folder']}; one of {answer['pipeline']} is called {answer['one']}")
    for what in ("written", "changed"):
        for path in answer[what]:
            say(f"{what}  {path}")
    for line in answer["by_hand"]:
        say(f"by hand  {line}")
    for line in answer["next"]:
        say(f"Next: {line}")


@answers(_show)
def new(
    name: Annotated[str, Name], one: Annotated[str | None, One] = None, spark: Annotated[bool, Spark] = False
) -> dict[str, Any]:
    """Write a pipeline that works, with its tests: from a table of PostgreSQL to one of the warehouse, day by day.

    It is written into the checkout that this command is of. Nothing that is there is written over.
    """
    from pipeline.cli.new.names import names_of, refuse_taken
    from pipeline.cli.new.settings import changed_settings
    from pipeline.cli.new.skeleton_files import skeleton_files, write

    folder = Path(pipeline.__file__).parent.parent
    names = names_of(name, one, spark)
    refuse_taken(names, folder)
    written, changed = skeleton_files(names, spark), changed_settings(names, folder)
    write(folder, written, changed)
    run = LUIGI.format(module=f"pipeline.{name}", task=names["Metric"], day="2010-12-01")
    return {
        "pipeline": name,
        "one": names["one"],
        "folder": str(folder),
        "written": list(written),
        "changed": list(changed),
        "by_hand": [line.format(**names) for line in BY_HAND],
        "next": [f"python -m pytest tests/test_{name}.py", "lakeshift migrate", run],
    }
