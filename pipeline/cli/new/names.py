"""How the things of a new pipeline are called, after its name."""

from __future__ import annotations

import keyword
import re
from collections.abc import Mapping
from configparser import ConfigParser
from pathlib import Path

from pipeline.cli.completion import task_names
from pipeline.core import config
from pipeline.core.errors import PipelineError

# Longer ones would not fit into the lines of the skeleton, nor with all that follows into a name of PostgreSQL.
NAME = re.compile(r"(?=.{2,30}\Z)[a-z](?:_?[a-z0-9])+")
RULE = "2 to 30 small letters, digits and single _ between them, with a letter first, and no word of Python's"


def names_of(name: str, one: str | None, has_spark: bool) -> dict[str, str]:
    """Return what the skeleton puts into its places. Raises PipelineError where a name cannot be that of a module."""
    one = one or singular(name)
    for given in (name, one):
        if not NAME.fullmatch(given) or keyword.iskeyword(given):
            raise PipelineError(f"{given} cannot be the name of a pipeline, or of what it has. Use {RULE}.")
    line = f"{one}_line"
    return {
        "name": name,
        "one": one.replace("_", " "),
        "line": line,
        "staged": f"tidied_{line}" if has_spark else line,
        "metric": f"{one}_metric",
        "Section": camel_case(name),
        "Line": camel_case(line),
        "Metric": camel_case(f"{one}_metric"),
    }


def singular(name: str) -> str:
    """Return the name of one thing after that of many, as far as a rule can: orders, deliveries, classes, weather."""
    for end, replaced in (("ies", "y"), ("sses", "ss"), ("xes", "x"), ("ches", "ch"), ("shes", "sh"), ("ss", "ss")):
        if name.endswith(end):
            return name.removesuffix(end) + replaced
    return name.removesuffix("s") if not name.endswith(("us", "is")) else name


def camel_case(name: str) -> str:
    return "".join(map(str.capitalize, name.split("_")))


def refuse_taken(names: Mapping[str, str], folder: Path) -> None:
    """Raise PipelineError where a name means something else already, or the folder is no checkout."""
    if not (folder / "pyproject.toml").is_file() or not (folder / "tests").is_dir():
        raise PipelineError(f"{folder} is no checkout of the project, and a pipeline is written into one.")
    name = names["name"]
    if (folder / "pipeline" / name).exists():
        raise PipelineError(f"pipeline/{name} is a package already. Choose another name for the pipeline.")
    sections = ConfigParser(interpolation=None)
    sections.read(folder / "luigi.cfg")
    taken = {*vars(config), *config.SECTIONS, *sections.sections()}
    if found := sorted({name, names["Section"]} & taken):
        raise PipelineError(f"{found[0]} means something else in the settings. Choose another name for the pipeline.")
    classes = {f"{prefix}{names['Line']}{end}" for prefix in ("", "Tidied") for end in ("", "Partition")}
    if found := sorted((classes | {names["Metric"]}) & set(task_names())):
        raise PipelineError(f"There is a task {found[0]} already. Say with --one NAME what one of {name} is called.")
