"""What happens to a whole run, in the parent process: log, summary, signals, and the end of its Spark driver.

Luigi has no hook around a run, so `install` puts a Worker of ours, a subclass, where Luigi looks for its own.
It works the same for the `luigi` command, `luigi.build`, one worker process or many.
"""

from __future__ import annotations

import contextlib
import logging
import multiprocessing
import os
from pathlib import Path
from typing import Any, Literal, NoReturn

import luigi.worker
from luigi.retcodes import retcode
from luigi.rpc import RPCError
from luigi.setup_logging import InterfaceLogging

from pipeline.core import config, history, luigi_settings, notices
from pipeline.core.bulk_worker import BulkWorker
from pipeline.core.endings import Ending, tell_outer
from pipeline.core.errors import SettingError, one_line
from pipeline.core.lake import new_attempt_id
from pipeline.core.logs import open_console, open_file
from pipeline.core.runtime import WITHIN, remove_run_folder
from pipeline.core.signals import Signals, Stopped
from pipeline.core.spark import client
from pipeline.core.spark.cost import cost_of
from pipeline.core.spark.run_end import end_cluster
from pipeline.core.spark.submitted import cancel_submitted
from pipeline.core.store.requests import requests_of
from pipeline.core.windows import Windowed

log = logging.getLogger(__name__)
# What a task's process has to end in when it is told to.
END_SECONDS = 5


class RunWorker(BulkWorker):
    """Luigi's worker, and what Lakeshift does around the run that it carries out."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        try:
            config.check()
        except SettingError as error:
            self._refuse(error)
        open_file(config.log().file)
        if not config.has_file():
            log.warning("No luigi.cfg here, and no $LUIGI_CONFIG_PATH: the defaults hold, below %s.", Path.cwd())
        self._roots: list[luigi.Task] = []
        self._has_begun = False
        self._note: Path | None = None
        self._within = history.Parts()
        self._signals = Signals()

    def __enter__(self) -> RunWorker:
        # Within another run, as a task that builds tasks is, that one's driver is used and left alone.
        self._owns_driver = client.RUN_FOLDER not in os.environ
        self._is_within = WITHIN in os.environ
        try:
            self.run_folder = client.run_folder()
        except (SettingError, OSError) as error:
            self._refuse(error)
        self.run_id = os.environ.setdefault(WITHIN, new_attempt_id())
        os.environ[client.RUN_FOLDER] = str(self.run_folder)
        self._signals.take()
        return super().__enter__()

    def _refuse(self, error: Exception) -> NoReturn:
        """Say why the run does not begin, here and to whom the settings name."""
        log.error("%s", one_line(error))
        if WITHIN not in os.environ:
            notices.tell_of_refused(error)
        raise SystemExit(retcode().unhandled_exception) from None

    def add(self, task: luigi.Task, *args: Any, **kwargs: Any) -> bool:
        if not self._has_begun:
            self._roots.append(task)
        return super().add(task, *args, **kwargs)

    def _create_task_process(self, task: luigi.Task) -> Any:
        process = super()._create_task_process(task)
        if isinstance(task, Windowed):
            # Its windows have all of the run's workers, and a signal reaches it here.
            task.processes, process.use_multiprocessing = self.worker_processes, False
        return process

    def run(self) -> bool:
        self._has_begun = True
        if self.due and not self._is_within:
            self._note = notices.begin(self._roots, self.run_id)
        succeeded = super().run()
        if self.summary.select(luigi.worker.PENDING):
            self._get_work_response_history[-1]["running_tasks"] += self.run_together_elsewhere()
        return succeeded

    def __exit__(self, kind: Any, error: Any, trace: Any) -> Literal[False]:
        """Stop what is left of the run, say how it ended, and turn a signal into its exit code."""
        self._signals.put_off()
        try:
            self._end_and_say(kind, error, trace)
        finally:
            self._signals.give_back()
            if not self._is_within:
                os.environ.pop(WITHIN, None)
        if isinstance(error, Stopped):
            raise SystemExit(error.exit_code) from None
        if isinstance(error, RPCError):
            raise SystemExit(retcode().unhandled_exception) from None
        return False

    def _end_and_say(self, kind: Any, error: Any, trace: Any) -> None:
        try:
            self._end(kind, error, trace)
        except BaseException as failure:
            self._say(error or failure)
            raise
        self._say(error)

    def _end(self, kind: Any, error: Any, trace: Any) -> None:
        try:
            super().__exit__(kind, error, trace)
        finally:
            if isinstance(error, Stopped):
                self._cancel_steps()
            if not self._is_within:
                self._within = history.noted_within(self.run_folder, self.run_id)
            self._end_driver()
        if isinstance(error, Stopped):
            self._give_back(str(error))

    def _say(self, error: BaseException | None) -> None:
        """Say how the run ended, here and to whom the settings name."""
        self.summary.end_now()
        lines = self._last_lines(error)
        for line in lines:
            log.info("%s", line)
        if self._is_within:
            tell_outer(self.run_folder, self.run_id, self.summary)
        else:
            cause = one_line(error) if error else ""
            Ending(self.run_id, self._roots, self.summary, cause, self._note, self._within).tell(lines)

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
            cost = cost_of(self.run_folder)
            self.summary.cost, self.summary.money = cost.lines, cost.by_dataset
            remove_run_folder(self.run_folder)

    def _give_back(self, reason: str) -> None:
        """Tell the scheduler that what this run was at is to be done again, so that nobody waits for it."""
        for task_id in list(self._running_tasks):
            task = self._scheduled_tasks[task_id]
            with contextlib.suppress(RPCError):
                self.tell_scheduler(task, luigi.worker.FAILED, reason, runnable=True)

    def _last_lines(self, error: BaseException | None) -> list[str]:
        if not isinstance(error, RPCError):
            asked = self._get_work_response_history[-1:]
            self.summary.elsewhere = {one["task_id"]: one["worker"] for last in asked for one in last["running_tasks"]}
            # A signal says in its own words what it did.
            cause = str(error) if isinstance(error, Stopped) else one_line(error) if error else ""
            return self.summary.lines(cause)
        host, port = config.scheduler_address()
        cause = f"The scheduler at http://{host}:{port} does not answer ({type(error.sub_exception).__name__})."
        lines = self.summary.lines("without the scheduler") if self.summary.outcomes else []
        return [*lines, f"{cause} Start it (lakeshift up) or add --local-scheduler."]


def _open_console(cls: type, options: Any) -> bool:
    open_console(options.log_level)
    return True


def install() -> None:
    """Have Luigi run its tasks with our worker, its own settings as we need them, and its log in one line each."""
    luigi_settings.set_defaults()
    luigi.worker.Worker = RunWorker  # type: ignore[misc]
    # Luigi calls it where nothing else configures its log.
    InterfaceLogging._default = classmethod(_open_console)  # type: ignore[method-assign, assignment]
