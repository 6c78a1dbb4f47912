"""The runs that a watcher begins, one after the other, each a process of its own."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
from dataclasses import dataclass, field
from datetime import date, datetime, timezone
from types import FrameType
from typing import Any

from luigi.retcodes import retcode

from emr.lease import named
from pipeline.cli.console import complain
from pipeline.cli.exit_codes import of_signal
from pipeline.cli.output import Tell
from pipeline.core.claims import Held, now
from pipeline.core.errors import PipelineError, one_line
from pipeline.core.watching import Due, Marker, Monitored, Watcher


def _now() -> datetime:
    return datetime.now(timezone.utc)


@dataclass(frozen=True)
class Event:
    """Something that happened to a watch or to a marker; one of a run has its task, and when it ended its exit code."""

    event: str
    text: str
    marker: str | None = None
    date: date | None = None
    task: str | None = None
    exit_code: int | None = None
    at: datetime = field(default_factory=_now)


class WatchedRuns:
    """What is run for a watcher; a signal is handed to the run, and ends the watch after it."""

    def __init__(self, name: str, monitored: Monitored, options: list[str], tell: Tell) -> None:
        self.watcher, self.options, self.tell = Watcher(name, monitored, self._pass_over), options, tell
        self.stopped = 0
        self._process: subprocess.Popen | None = None
        self._to_hand_on: list[int] = []
        self._before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> WatchedRuns:
        self._came, self._come = os.pipe()
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            # With nohup it is to outlive its terminal.
            if signal.getsignal(number) != signal.SIG_IGN:
                self._before[number] = signal.signal(number, self._stop)
        return self

    def __exit__(self, *about: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        os.close(self._came)
        os.close(self._come)

    def _stop(self, number: int, frame: FrameType | None) -> None:
        if self.stopped and not self._process:
            raise SystemExit(of_signal(number))
        self.stopped = number
        self._to_hand_on.append(number)
        os.write(self._come, b"!")
        self._hand_on()

    def _hand_on(self) -> None:
        while self._process and self._to_hand_on:
            self._process.send_signal(self._to_hand_on.pop(0))

    def wait(self, seconds: float) -> None:
        """Return after so many seconds, or at a signal that ends the watch."""
        select.select([self._came], [], [], seconds)

    def run_due(self) -> int:
        """Run every day that is asked for, and return the worst exit code."""
        worst = 0
        while not self.stopped and (due := self.watcher.next_due()):
            code = self._run(due)
            worst = max(worst, code)
            if code and code == retcode().already_running:
                # The days after it are not run before it is.
                return worst
        return max(worst, int(self.watcher.is_unsure))

    def _pass_over(self, marker: Marker, what: str) -> None:
        day = None if marker.day == date.min else marker.day
        self.tell(Event("passed_over", f"{marker.path} {what}", marker.path, day))

    def _tell_of_run(self, due: Due, event: str, what: str, code: int | None = None) -> None:
        marker, task = due.marker, self.watcher.monitored.task.__name__
        self.tell(Event(event, f"{marker.path}: {what}", marker.path, marker.day, task, code))

    def _run(self, due: Due) -> int:
        """Run a day that was claimed, and return its exit code; the claim is given back unless it ended well."""
        claims, what = self.watcher.claims, f"{self.watcher.monitored.task.__name__} of {due.marker.day}"
        self._tell_of_run(due, "running", f"running {what}")
        held, code = self._luigi(due)
        if code == 0:
            claims.note(held, ended_at=now())
            self._tell_of_run(due, "made", f"{what} is there", code)
            return code
        is_left = code == retcode().already_running
        if not is_left and not self.stopped:
            self.watcher.answer(due.marker)
        claims.give_back(held)
        if is_left:
            said = f"{what} is being run by another (exit code {code}); the next look sees what became of it"
            self._tell_of_run(due, "left", said, code)
        elif self.stopped:
            self._tell_of_run(due, "stopped", f"{what} was stopped; whoever looks next runs it", code)
        else:
            said = f"{what} failed with exit code {code}. Once that is mended, put the marker again"
            self._tell_of_run(due, "failed", said, code)
        return code

    def _luigi(self, due: Due) -> tuple[Held, int]:
        """Run luigi to its end; return the claim, in which it is said which process that was, and its exit code."""
        task = self.watcher.monitored.task
        held, line = due.held, [sys.executable, "-m", "luigi", *_arguments(task, due.marker.day), *self.options]
        try:
            # In a session of its own: what is typed in a terminal would reach it twice.
            # What it prints goes where this command's progress goes.
            self._process = subprocess.Popen(line, stdout=sys.stdout, start_new_session=True)
        except OSError:
            self.watcher.claims.give_back(held)
            raise
        try:
            self._hand_on()
            held = self._noted(held, self._process.pid)
            code = self._process.wait()
        finally:
            self._process = None
        return held, of_signal(-code) if code < 0 else code

    def _noted(self, held: Held, pid: int) -> Held:
        try:
            return self.watcher.claims.note(held, run=named(pid)) or held
        except PipelineError as error:
            complain(one_line(error))
            return held


def _arguments(task: type, day: date) -> list[str]:
    return ["--module", task.__module__, task.__name__, "--date", str(day)]
