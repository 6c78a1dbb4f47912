"""What happens to a whole run, in the parent process: log, summary, signals, and the end of its Spark driver.

Luigi has no hook around a run, so `install` puts a Worker of ours, a subclass, where Luigi looks for its own.
It works the same for the `luigi` command, `luigi.build`, one worker process or many.
"""

from __future__ import annotations

import json
import logging
import os
import shutil
import signal
import time
from dataclasses import dataclass
from types import FrameType
from typing import Any, Literal

import luigi.worker
from luigi.retcodes import retcode
from luigi.rpc import RPCError

from pipeline.core import config
from pipeline.core.logs import open_logs
from pipeline.core.spark import client

log = logging.getLogger(__name__)


class Stopped(KeyboardInterrupt):
    """A signal ended the run; Luigi lets a KeyboardInterrupt through where it would count an error as a failure."""

    def __init__(self, number: int) -> None:
        super().__init__(f"stopped by {signal.Signals(number).name}")
        self.exit_code = 128 + number


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
        return f"{self.name}: {self.text}"

    @property
    def name(self) -> str:
        params = list(self.task.to_str_params(only_significant=True).values())
        return f"{self.task.task_family} {params[0]}" if len(params) == 1 else str(self.task)


class Summary:
    """Every task of a run by how it ended."""

    def __init__(self) -> None:
        self.started = time.monotonic()
        self.outcomes: dict[str, Outcome] = {}

    def note(self, task: luigi.Task, status: str, explanation: str) -> None:
        """Take in what a worker tells the scheduler of a task."""
        # Taken out and put in again, so that they stand in the order in which they ended.
        outcome = self.outcomes.pop(task.task_id, None) or Outcome(task, status)
        self.outcomes[task.task_id] = outcome
        outcome.status = status
        outcome.was_due |= status != luigi.worker.DONE
        if status == luigi.worker.DONE and explanation:
            outcome.text, outcome.seconds = _made(explanation)
        elif explanation:
            outcome.text = explanation.strip().splitlines()[0]

    def select(self, status: str, was_due: bool = True) -> list[Outcome]:
        return [one for one in self.outcomes.values() if one.status == status and one.was_due == was_due]

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
            return [f"Nothing to do: {names} {'is' if len(there) == 1 else 'are'} already there ({seconds:.1f} s)."]
        counts = [f"{len(made)} made", f"{len(there)} already there", f"{len(failed)} failed"]
        counts += [f"{len(unknown)} not checked"] if unknown else []
        counts += [f"{len(waiting)} not run"] if waiting else []
        return [
            *(f"  made     {one.line} ({one.seconds:.1f} s)" for one in made),
            *(f"  failed   {one.line}" for one in failed + unknown),
            *(f"  not run  {one.name}" for one in waiting),
            f"Lakeshift: {', '.join(counts)} in {seconds:.1f} s{f', {end}' if end else ''}."
            + (f" The whole log: {config.log().file}" if failed or unknown or end else ""),
        ]


def _made(explanation: str) -> tuple[str, float]:
    try:
        told = json.loads(explanation)
        return told["outcome"], told["seconds"]
    except (ValueError, KeyError, TypeError):
        return "", 0.0


class RunWorker(luigi.worker.Worker):
    """Luigi's worker, and what Lakeshift does around the run that it carries out."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        open_logs()
        self.summary = Summary()
        self._pid = os.getpid()

    def __enter__(self) -> RunWorker:
        # Within another run, as a task that builds tasks is, that one's driver is used and left alone.
        self._owns_driver = client.RUN_FOLDER not in os.environ
        self.run_folder = client.run_folder()
        os.environ[client.RUN_FOLDER] = str(self.run_folder)
        self._handlers = {number: signal.signal(number, self._stop) for number in (signal.SIGTERM, signal.SIGINT)}
        return super().__enter__()

    def _stop(self, number: int, frame: FrameType | None) -> None:
        if os.getpid() == self._pid:
            raise Stopped(number)
        # A task's own process: its attempt is left as it is, and whoever holds a connection to it sees it go.
        os._exit(128 + number)

    def run(self) -> bool:
        due = [task for task in self._scheduled_tasks.values() if getattr(task, "uses_spark", False)]
        if any(one.task in due for one in self.summary.select(luigi.worker.PENDING)):
            client.prewarm()
        return super().run()

    def _add_task(self, *args: Any, **kwargs: Any) -> None:
        super()._add_task(*args, **kwargs)
        task = self._scheduled_tasks.get(kwargs["task_id"])
        if task:
            self.summary.note(task, kwargs["status"], _explanation(kwargs.get("expl")))

    def _log_complete_error(self, task: luigi.Task, tb: str) -> None:
        self._log_unknown(task, tb)

    def _log_dependency_error(self, task: luigi.Task, tb: str) -> None:
        self._log_unknown(task, tb)

    def _log_unknown(self, task: luigi.Task, tb: str) -> None:
        cause = tb.strip().splitlines()[-1].removeprefix("pipeline.core.errors.")
        self.summary.note(task, "UNKNOWN", cause)
        log.error("FAILED   %s: %s", task, cause, extra={"whole": tb})

    def __exit__(self, kind: Any, error: Any, trace: Any) -> Literal[False]:
        """Stop what is left of the run, say how it ended, and turn a signal into its exit code."""
        try:
            super().__exit__(kind, error, trace)
        finally:
            if self._owns_driver:
                del os.environ[client.RUN_FOLDER]
                client.stop_driver(self.run_folder)
                shutil.rmtree(self.run_folder, ignore_errors=True)
            for number, handler in self._handlers.items():
                signal.signal(number, handler)
        if isinstance(error, RPCError):
            host, port = config.scheduler_address()
            log.error(
                "The scheduler at http://%s:%d does not answer. Start it (lakeshift up) or add --local-scheduler.",
                host, port,
            )  # fmt: skip
            raise SystemExit(retcode().unhandled_exception) from None
        for line in self.summary.lines(str(error) if isinstance(error, Stopped) else ""):
            log.info(line)
        if isinstance(error, Stopped):
            raise SystemExit(error.exit_code) from None
        return False


def _explanation(expl: Any) -> str:
    """Return what a task's process said of its end; Luigi hands it on as JSON."""
    try:
        text = json.loads(expl) if expl else ""
    except ValueError:
        text = expl
    return text if isinstance(text, str) else ""


def install() -> None:
    """Have Luigi run its tasks with our worker."""
    luigi.worker.Worker = RunWorker  # type: ignore[misc]
