"""What happens to a whole run, in the parent process: log, summary, signals, and the end of its Spark driver.

Luigi has no hook around a run, so `install` puts a Worker of ours, a subclass, where Luigi looks for its own.
It works the same for the `luigi` command, `luigi.build`, one worker process or many.
"""

from __future__ import annotations

import contextlib
import json
import logging
import multiprocessing
import os
import re
import signal
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from types import FrameType
from typing import Any, Literal

import luigi.worker
from luigi.retcodes import retcode
from luigi.rpc import RPCError
from luigi.setup_logging import InterfaceLogging

from pipeline.core import config, killed_runs, luigi_settings
from pipeline.core.alerts import FAILURE, Alert, tell
from pipeline.core.errors import SettingError, one_line
from pipeline.core.forgotten import LastingWorker
from pipeline.core.logs import open_console, open_file
from pipeline.core.planning import Plan, planned
from pipeline.core.runtime import remove_run_folder
from pipeline.core.spark import client
from pipeline.core.spark.cost import cost_lines
from pipeline.core.spark.run_end import end_cluster
from pipeline.core.spark.submitted import cancel_submitted
from pipeline.core.store.requests import requests_of
from pipeline.core.summary import ends_of_each, explanation

log = logging.getLogger(__name__)
# What a task's process has to end in when it is told to.
END_SECONDS = 5
# Tells a run that it is part of another, which says how both ended.
WITHIN = "LAKESHIFT_WITHIN"


class Stopped(KeyboardInterrupt):
    """A signal ended the run; Luigi lets a KeyboardInterrupt through where it would count an error as a failure."""

    def __init__(self, number: int) -> None:
        super().__init__(f"stopped by {signal.Signals(number).name}")
        self.exit_code = 128 + number


class RunWorker(LastingWorker):
    """Luigi's worker, and what Lakeshift does around the run that it carries out."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        try:
            config.check()
        except SettingError as error:
            log.error("%s", one_line(error))
            raise SystemExit(retcode().unhandled_exception) from None
        open_file(config.log().file)
        if not config.has_file():
            log.warning("No luigi.cfg here, and no $LUIGI_CONFIG_PATH: the defaults hold, below %s.", Path.cwd())
        self._roots: list[luigi.Task] = []
        self._has_begun = False
        self._note: Path | None = None
        self._pid = os.getpid()

    def __enter__(self) -> RunWorker:
        # Within another run, as a task that builds tasks is, that one's driver is used and left alone.
        self._owns_driver = client.RUN_FOLDER not in os.environ
        self._is_within = WITHIN in os.environ
        os.environ[WITHIN] = "1"
        self.run_folder = client.run_folder()
        os.environ[client.RUN_FOLDER] = str(self.run_folder)
        is_main = threading.current_thread() is threading.main_thread()
        numbers = (signal.SIGTERM, signal.SIGINT) if is_main else ()
        self._handlers = {number: signal.signal(number, self._stop) for number in numbers}
        return super().__enter__()

    def _stop(self, number: int, frame: FrameType | None) -> None:
        if os.getpid() == self._pid:
            raise Stopped(number)
        # A task's own process: its attempt is left as it is, and whoever holds a connection to it sees it go.
        os._exit(128 + number)

    def _stop_again(self, number: int, frame: FrameType | None) -> None:
        """Go on with the end of the run, in which what it has elsewhere is ended; the next signal ends that too."""
        name = signal.Signals(number).name
        log.warning("%s: the run is ending already what it has elsewhere. Once more, and that is left running.", name)
        signal.signal(number, self._stop)

    def add(self, task: luigi.Task, *args: Any, **kwargs: Any) -> bool:
        if not self._has_begun:
            self._roots.append(task)
        with planned(Plan()):
            return super().add(task, *args, **kwargs)

    def _create_task_process(self, task: luigi.Task) -> Any:
        process = super()._create_task_process(task)
        process.check_complete = _asking_together(process.check_complete, task)
        return process

    def run(self) -> bool:
        self._has_begun = True
        due = [one.task for one in self.summary.select(luigi.worker.PENDING)]
        if due and not self._is_within:
            self._note = killed_runs.begin(_notes_folder(), self._command())
        if config.jobs().runner == "local" and any(getattr(task, "uses_spark", False) for task in due):
            client.prewarm()
        succeeded = super().run()
        if self.summary.select(luigi.worker.PENDING):
            self._get_work_response_history[-1]["running_tasks"] += self.run_together_elsewhere()
        return succeeded

    def _add_task(self, *args: Any, **kwargs: Any) -> None:
        task_id = kwargs["task_id"]
        together = self._batch_running_tasks.pop(task_id, None)
        if together is not None:
            self._add_each(together, kwargs["status"], kwargs["expl"])
        super()._add_task(*args, **kwargs)
        if together is not None:
            # Luigi's own summary cannot sort the days of that one task among those of the others.
            self._add_task_history = [told for told in self._add_task_history if told[0].task_id != task_id]
        elif task_id in self._scheduled_tasks:
            self.summary.note(self._scheduled_tasks[task_id], kwargs["status"], explanation(kwargs.get("expl")))

    def _add_each(self, tasks: Iterable[luigi.Task], status: str, expl: str) -> None:
        """Tell of each task how it ended, where one task was run for all of them.

        Before that one, whose status the scheduler would give to all that it knows nothing else of.
        """
        whole = explanation(expl)
        ends = ends_of_each(whole)
        for task in tasks:
            end, text = ends.get(task.task_id, (status, whole))
            self._add_task(
                worker=self._id, task_id=task.task_id, status=end, expl=json.dumps(text), runnable=None,
                params=task.to_str_params(), family=task.task_family, module=task.task_module,
            )  # fmt: skip

    def _log_complete_error(self, task: luigi.Task, tb: str) -> None:
        self._log_unknown(task, tb)

    def _log_dependency_error(self, task: luigi.Task, tb: str) -> None:
        self._log_unknown(task, tb)

    def _log_unknown(self, task: luigi.Task, tb: str) -> None:
        # Our own errors speak for themselves, as they do where a task fails.
        cause = re.sub(r"^pipeline\.core\.errors\.\w+: ", "", tb.strip().splitlines()[-1])
        self.summary.note(task, "UNKNOWN", cause)
        log.error("%s: %s", task, cause, extra={"whole": tb})

    def __exit__(self, kind: Any, error: Any, trace: Any) -> Literal[False]:
        """Stop what is left of the run, say how it ended, and turn a signal into its exit code."""
        for number in self._handlers:
            signal.signal(number, self._stop_again)
        try:
            super().__exit__(kind, error, trace)
        finally:
            if isinstance(error, Stopped):
                self._cancel_steps()
            self._end_driver()
            for number, handler in self._handlers.items():
                signal.signal(number, handler or signal.SIG_DFL)
        if isinstance(error, Stopped):
            self._give_back(str(error))
        lines = self._last_lines(error)
        for line in lines:
            log.info("%s", line)
        self._tell(lines, is_ended=error is not None)
        if isinstance(error, Stopped):
            raise SystemExit(error.exit_code) from None
        if isinstance(error, RPCError):
            raise SystemExit(retcode().unhandled_exception) from None
        return False

    def _tell(self, lines: list[str], is_ended: bool) -> None:
        """Have somebody told of this run, and of those before it that were killed and could not say so."""
        if self._is_within:
            return
        del os.environ[WITHIN]
        killed_runs.end(self._note)
        for note in killed_runs.killed(_notes_folder()):
            tell(Alert(FAILURE, (f"This run, begun at {note.began_at}, was killed.", f"Run it again: {note.command}")))
        kind = FAILURE if is_ended else self.summary.end
        if kind:
            again = (f"Run it again: {self._command()}",) if kind == FAILURE else ()
            tell(Alert(kind, (*lines, *again)))

    def _command(self) -> str:
        """Return what has the same made, as it is typed."""
        return "; ".join(map(_typed, self._roots))

    def _cancel_steps(self) -> None:
        """Cancel what the processes of this run have running elsewhere, when they are gone."""
        for task in self._running_tasks.values():
            if isinstance(task, multiprocessing.Process) and task.pid:
                task.join(END_SECONDS)
        cancel_submitted(self.run_folder)

    def _end_driver(self) -> None:
        if self._owns_driver:
            del os.environ[client.RUN_FOLDER]
            client.stop_driver(self.run_folder)
            end_cluster(self.run_folder)
            self.summary.requests = requests_of(self.run_folder)
            self.summary.cost = cost_lines(self.run_folder)
            remove_run_folder(self.run_folder)

    def _give_back(self, reason: str) -> None:
        """Tell the scheduler that what this run was at is to be done again, so that nobody waits for it."""
        for task_id in list(self._running_tasks):
            task = self._scheduled_tasks[task_id]
            with contextlib.suppress(RPCError):
                self._add_task(
                    worker=self._id, task_id=task_id, status=luigi.worker.FAILED, expl=json.dumps(reason),
                    runnable=True, params=task.to_str_params(), family=task.task_family, module=task.task_module,
                )  # fmt: skip

    def _last_lines(self, error: BaseException | None) -> list[str]:
        if not isinstance(error, RPCError):
            asked = self._get_work_response_history[-1:]
            self.summary.elsewhere = {one["task_id"]: one["worker"] for last in asked for one in last["running_tasks"]}
            return self.summary.lines(str(error) if isinstance(error, Stopped) else "")
        host, port = config.scheduler_address()
        cause = f"The scheduler at http://{host}:{port} does not answer ({type(error.sub_exception).__name__})."
        lines = self.summary.lines("without the scheduler") if self.summary.outcomes else []
        return [*lines, f"{cause} Start it (lakeshift up) or add --local-scheduler."]


def _asking_together(check: Callable[[luigi.Task], bool], task: luigi.Task) -> Callable[[luigi.Task], bool]:
    """Return a check that asks together for what a task requires, and afresh for what it has made itself."""
    plan = Plan()

    def asked(one: luigi.Task) -> bool:
        if one is task and not isinstance(task, luigi.WrapperTask):
            return check(one)
        with planned(plan):
            return check(one)

    return asked


def _typed(task: luigi.Task) -> str:
    options = [
        f"--{name.replace('_', '-')} {value}" for name, value in task.to_str_params(only_significant=True).items()
    ]
    return " ".join(["luigi", "--module", task.task_module, task.task_family, *options])


def _notes_folder() -> Path:
    return Path(config.log().file).parent / "runs"


def _open_console(cls: type, options: Any) -> bool:
    open_console(options.log_level)
    return True


def install() -> None:
    """Have Luigi run its tasks with our worker, its own settings as we need them, and its log in one line each."""
    luigi_settings.set_defaults()
    luigi.worker.Worker = RunWorker  # type: ignore[misc]
    # Luigi calls it where nothing else configures its log.
    InterfaceLogging._default = classmethod(_open_console)  # type: ignore[method-assign, assignment]
