"""What is said of a whole run at its end."""

from __future__ import annotations

import json
import time
from collections import Counter
from dataclasses import dataclass
from typing import Any

import luigi.worker

from pipeline.core import config


@dataclass
class Outcome:
    """How one task ended, or stands."""

    task: luigi.Task
    status: str
    text: str = ""
    seconds: float = 0.0
    was_due: bool = False

    @property
    def line(self) -> str:
        return f"{self.name}: {self.text}" if self.text else self.name

    @property
    def name(self) -> str:
        params = self.task.to_str_params(only_significant=True)
        if {"of", "start", "stop"} <= params.keys():
            return f"{self.task.task_family} {params['of']} {params['start']} to {params['stop']}"
        return f"{self.task.task_family} {' '.join(params.values())}" if len(params) == 1 else str(self.task)


class Summary:
    """Every task of a run by how it ended."""

    def __init__(self) -> None:
        self.started = time.monotonic()
        self.outcomes: dict[str, Outcome] = {}
        self.elsewhere: dict[str, str] = {}
        self.requests: Counter[str] = Counter()
        self.cost: list[str] = []

    def note(self, task: luigi.Task, status: str, explanation: str) -> None:
        """Take in what a worker tells the scheduler of a task."""
        # Taken out and put in again, so that they stand in the order in which they ended.
        outcome = self.outcomes.pop(task.task_id, None) or Outcome(task, status)
        self.outcomes[task.task_id] = outcome
        outcome.status = status
        outcome.was_due |= status != luigi.worker.DONE
        if status == luigi.worker.DONE and explanation:
            outcome.text, outcome.seconds, outcome.was_due = _told(explanation)
        elif explanation:
            outcome.text = explanation.strip().splitlines()[0]

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
        seconds = time.monotonic() - self.started
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


def _told(explanation: str) -> tuple[str, float, bool]:
    """Return what a task says of its end: in words, in seconds, and whether it was this run that made it."""
    try:
        told = json.loads(explanation)
        return told["outcome"], told["seconds"], told["is_made"]
    except (ValueError, KeyError, TypeError):
        return "", 0.0, True


def ends_of_each(explanation: str) -> dict[str, tuple[str, str]]:
    """Return the status and the explanation of each task that one was run for, by its id, if that one told of them."""
    try:
        told = json.loads(explanation)
        return {task_id: (status, text) for task_id, (status, text) in told.items()}
    except (ValueError, TypeError, AttributeError):
        return {}


def explanation(expl: Any) -> str:
    """Return what a task's process said of its end; Luigi hands it on as JSON."""
    try:
        text = json.loads(expl) if expl else ""
    except ValueError:
        text = expl
    return text if isinstance(text, str) else ""
