"""The steps of the EMR jobs: data in steps/*.json, with places in it to be filled, such as {input}."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import PurePosixPath
from typing import Any

PLACE = re.compile(r"\{(\w+)\}")
# What a place is filled with; where a list of arguments has nothing but the place, it may be several arguments.
Places = Mapping[str, str | Sequence[str]]


@dataclass(frozen=True)
class JobLine:
    """What a spark-submit step runs: a module of spark_jobs, and its arguments."""

    module: str
    arguments: tuple[str, ...]


@dataclass(frozen=True)
class SubmitLine:
    """A call of spark-submit: its options, each followed by a value, the script, and the script's arguments."""

    options: list[str]
    script: str
    arguments: list[str]


def load(name: str) -> list[dict[str, Any]]:
    """Return the steps of a job, their places not filled. Raises FileNotFoundError if there are none."""
    file = resources.files("emr") / "steps" / f"{name}.json"
    return json.loads(file.read_text(encoding="utf-8"))


def fill(steps: Any, places: Places) -> Any:
    """Return the steps, or a part of them, with each {place} filled. Raises KeyError at one that is not given."""
    if isinstance(steps, dict):
        return {key: fill(value, places) for key, value in steps.items()}
    if isinstance(steps, list):
        return [filled for value in steps for filled in _filled(value, places)]
    return PLACE.sub(lambda match: str(places[match[1]]), steps) if isinstance(steps, str) else steps


def _filled(value: Any, places: Places) -> Iterator[Any]:
    alone = PLACE.fullmatch(value) if isinstance(value, str) else None
    place = places[alone[1]] if alone else None
    if place is None or isinstance(place, str):
        yield fill(value, places)
    else:
        yield from place


def as_one(steps: list[dict[str, Any]]) -> dict[str, Any]:
    """Return one step, to be named, that does all of them in their order: the last one, which clears away, always."""
    *before, last = [shlex.join(step["HadoopJarStep"]["Args"]) for step in steps]
    script = f"{' && '.join(before)}; ended=$?; {last} && exit $ended"
    jar = {"Jar": "command-runner.jar", "Args": ["bash", "-c", script]}
    return {"ActionOnFailure": "CONTINUE", "HadoopJarStep": jar}


def job_line(name: str, places: Places) -> JobLine:
    """Return what the spark-submit step of a job runs; only its own places need to be given."""
    line = spark_submit(name)
    return JobLine(f"spark_jobs.{PurePosixPath(line.script).stem}", tuple(fill(line.arguments, places)))


def spark_submit(name: str) -> SubmitLine:
    """Return the spark-submit line of a job's steps, its places not filled."""
    for step in load(name):
        command, *rest = step["HadoopJarStep"]["Args"]
        if command == "spark-submit":
            script = next(index for index, one in enumerate(rest) if one.endswith(".py"))
            return SubmitLine(rest[:script], rest[script], rest[script + 1 :])
    raise ValueError(f"emr/steps/{name}.json has no spark-submit step.")
