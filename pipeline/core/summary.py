"""What is said of a whole run at its end."""

from __future__ import annotations

import json
import re
import time
from collections import Counter
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import luigi.worker

from pipeline.core import config
from pipeline.core.errors import SettingError
from pipeline.core.lake import Partition

# What a traceback has above it, where a task does not say in a line what failed.
LUIGIS = "Runtime error:"
# What one has of a setting that is missing or malformed.
OF_A_SETTING = f"\n{SettingError.__module__}.{SettingError.__name__}: "


@dataclass
class Outcome:
    """How one task ended, or stands."""

    task: luigi.Task
    status: str
    text: str = ""
    seconds: float = 0.0
    was_due: bool = False
    # Read, written and refused, where the task counts them.
    rows: Counter[str] = field(default_factory=Counter)
    # Whether a setting is what it failed by.
    is_setting: bool = False

    @property
    def line(self) -> str:
        return f"{self.name}: {self.text}" if self.text else self.name

    @property
    def name(self) -> str:
        return name_of(self.task)


def name_of(task: luigi.Task) -> str:
    """Return a task in a few words, such as HistoricalStocks 2017-11-10."""
    params = task.to_str_params(only_significant=True, only_public=True)
    if {"of", "start", "stop"} <= params.keys():
        return f"{task.task_family} {params['of']} {params['start']} to {params['stop']}"
    if {"of", "range"} <= params.keys():
        return f"{task.task_family} {params['of']} {params['range']}"
    if len(params) == 1:
        return f"{task.task_family} {' '.join(params.values())}"
    return f"{task.task_family}({', '.join(f'{name}={value}' for name, value in params.items())})"


class Summary:
    """Every task of a run by how it ended."""

    def __init__(self) -> None:
        self.started = time.monotonic()
        self.ended = 0.0
        self.outcomes: dict[str, Outcome] = {}
        self.elsewhere: dict[str, str] = {}
        self.requests: Counter[str] = Counter()
        # What its steps on EMR cost: in words, and in money by the dataset that they made.
        self.cost: list[str] = []
        self.money: dict[str, Decimal] = {}

    def end_now(self) -> None:
        """Have the run's duration stand: what comes now, such as telling of it, is no part of it."""
        self.ended = time.monotonic()

    def note(self, task: luigi.Task, status: str, explanation: str) -> None:
        """Take in what a worker tells the scheduler of a task."""
        # Taken out and put in again, so that they stand in the order in which they ended.
        outcome = self.outcomes.pop(task.task_id, None) or Outcome(task, status)
        self.outcomes[task.task_id] = outcome
        outcome.status = status
        outcome.was_due |= status != luigi.worker.DONE
        if status == luigi.worker.DONE and explanation:
            outcome.text, outcome.seconds, outcome.was_due, outcome.rows = _told(explanation)
        elif explanation:
            first, *below = explanation.strip().splitlines()
            outcome.text = cause_of(explanation) if below and first == LUIGIS else first
            outcome.is_setting = OF_A_SETTING in explanation

    def select(self, status: str, was_due: bool = True) -> list[Outcome]:
        """Return the tasks of a status; a wrapper, which makes nothing, where it went wrong or is all there is."""
        found = [one for one in self.outcomes.values() if one.status == status and one.was_due == was_due]
        if status not in (luigi.worker.DONE, luigi.worker.PENDING) or len(self.outcomes) == 1:
            return found
        return [one for one in found if not isinstance(one.task, luigi.WrapperTask)]

    def lines(self, end: str = "") -> list[str]:
        """Return the summary as it is printed; `end` says why a run ended before its work did."""
        made = self.select(luigi.worker.DONE)
        there = self.select(luigi.worker.DONE, was_due=False)
        failed = self.select(luigi.worker.FAILED)
        unknown = self.select("UNKNOWN")
        waiting = self.select(luigi.worker.PENDING)
        seconds = self.seconds
        if there and not (made or failed or unknown or waiting or end):
            names = ", ".join(one.name for one in there[:3])
            done = f"Nothing to do: {names} {'is' if len(there) == 1 else 'are'} already there ({seconds:.1f} s)."
            return [*self.cost, *self._requests(), done]
        counts = [f"{len(made)} made", f"{len(there)} already there", f"{len(failed)} failed"]
        counts += [f"{len(unknown)} not checked"] if unknown else []
        counts += [f"{len(waiting)} not run"] if waiting else []
        return [
            *(f"  made     {one.line} ({one.seconds:.1f} s)" for one in made),
            *(f"  FAILED   {one.line}" for one in failed),
            *(f"  UNKNOWN  {one.line}" for one in unknown),
            *(f"  not run  {one.name}{self._reason(one)}" for one in waiting),
            *self.cost,
            *self._requests(),
            f"Lakeshift: {', '.join(counts)} in {seconds:.1f} s{f', {end}' if end else ''}."
            + (f" The whole log: {config.log().file}" if failed or unknown or end else ""),
        ]

    @property
    def end(self) -> str:
        """How the run ended: success or failure; or nothing, if it made nothing and nothing went wrong here."""
        if any(one.status in (luigi.worker.FAILED, "UNKNOWN") for one in self.outcomes.values()):
            return "failure"
        if any(one.task.task_id not in self.elsewhere for one in self.select(luigi.worker.PENDING)):
            return "failure"
        return "success" if self.select(luigi.worker.DONE) else ""

    @property
    def seconds(self) -> float:
        """How long the run has taken."""
        return (self.ended or time.monotonic()) - self.started

    def rows(self) -> list[str]:
        """Return what the tasks of each kind read, wrote and refused, over all that this run made of it."""
        kinds: dict[str, Counter[str]] = {}
        for one in self.select(luigi.worker.DONE):
            if one.rows:
                kinds.setdefault(one.task.task_family, Counter()).update(one.rows)
        return [
            f"{kind}: read {rows['read']:,}, wrote {rows['written']:,}, refused {rows['refused']:,}"
            for kind, rows in kinds.items()
        ]

    def partitions(self) -> list[str]:
        """Return the days, or other partitions, that the run was to make, in their order."""
        found = (getattr(one.task, "partition", None) for one in self.outcomes.values() if one.was_due)
        return sorted({partition.value for partition in found if isinstance(partition, Partition)})

    def errors(self) -> list[str]:
        """Return one line for each task that failed, or of which it was not known whether it is there."""
        return [one.line for status in (luigi.worker.FAILED, "UNKNOWN") for one in self.select(status)]

    def _requests(self) -> list[str]:
        """Return the line about S3, if it was asked anything."""
        if not self.requests:
            return []
        each = ", ".join(f"{count:,} {operation}" for operation, count in self.requests.most_common())
        return [f"S3: {self.requests.total():,} requests ({each})"]

    def _reason(self, waiting: Outcome) -> str:
        worker = self.elsewhere.get(waiting.task.task_id)
        if not worker:
            return ""
        return f": another worker is running it, {worker}. If that was killed, type the line again in a quarter minute"


def _told(explanation: str) -> tuple[str, float, bool, Counter[str]]:
    """Return what a task says of its end: in words, in seconds, whether it was this run that made it, and its rows."""
    try:
        told = json.loads(explanation)
        return told["outcome"], told["seconds"], told["is_made"], Counter(told.get("rows"))
    except (ValueError, KeyError, TypeError):
        return "", 0.0, True, Counter()


def ends_of_each(explanation: str) -> dict[str, tuple[str, str]]:
    """Return the status and the explanation of each task that one was run for, by its id, if that one told of them."""
    try:
        told = json.loads(explanation)
        return {task_id: (status, text) for task_id, (status, text) in told.items()}
    except (ValueError, TypeError, AttributeError):
        return {}


def cause_of(traceback: str) -> str:
    """Return the last line of a traceback; our own errors speak for themselves."""
    return re.sub(r"^pipeline\.core\.errors\.\w+: ", "", traceback.strip().splitlines()[-1])


def explanation(expl: Any) -> str:
    """Return what a task's process said of its end; Luigi hands it on as JSON."""
    try:
        text = json.loads(expl) if expl else ""
    except ValueError:
        text = expl
    return text if isinstance(text, str) else ""
