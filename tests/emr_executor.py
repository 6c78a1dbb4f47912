"""What really runs the steps of the clusters of a twin of EMR, in the order in which they came.

A step is a process of this machine that finds the commands of emr_commands.py first on its PATH. As many run side by
side on a cluster as its StepConcurrencyLevel says; one that fails does to the others what its ActionOnFailure says.
"""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import emr_commands
from emr_faults import Fault, Faults
from emr_logs import Logs

OPEN = ("PENDING", "RUNNING", "CANCEL_PENDING")
BUSY = ("RUNNING", "CANCEL_PENDING")
LOOK_SECONDS = 0.02
TERM_SECONDS = 5


class Executor:
    """Runs the steps of all clusters; `folder` holds what stands for the HDFS of each, and what the steps say."""

    def __init__(self, folder: Path, logs: Logs, faults: Faults) -> None:
        self.folder, self.logs, self.faults = folder, logs, faults
        self.lock = threading.RLock()
        self.running: list[threading.Thread] = []
        for name in ("hdfs", "bin"):
            (folder / name).mkdir()
        emr_commands.install(folder / "bin")

    def add(self, cluster: Any, steps: list[Any]) -> list[Any]:
        """Take steps, to be run when it is their turn."""
        with self.lock:
            cluster.steps.extend(steps)
            if (getattr(cluster, "state", None) or "").startswith("TERMINATED"):
                # It ended while the call was under way.
                self.terminate(cluster, cluster.state, cluster.reason)
            self.go_on(cluster)
        return steps

    def cancel(self, cluster: Any, ids: list[str]) -> list[dict[str, str]]:
        """Cancel steps, and say of each whether that was possible; one that runs is cancelled a little later."""
        with self.lock:
            return [_cancel(step) for step in cluster.steps if step.id in ids]

    def terminate(self, cluster: Any, state: str = "TERMINATED_WITH_ERRORS", reason: Any = None) -> None:
        """Let a cluster end, or die, with all that runs on it."""
        with self.lock:
            cluster.state, cluster.reason, cluster.end_datetime = state, reason or {}, datetime.now(timezone.utc)
            for step in cluster.steps:
                step.state = {"PENDING": "CANCELLED", "RUNNING": "INTERRUPTED"}.get(step.state, step.state)

    def wait(self) -> None:
        """Wait until nothing runs any more."""
        for thread in self.running:
            thread.join()

    def go_on(self, cluster: Any) -> None:
        """Start what is due on a cluster that is up."""
        with self.lock:
            if getattr(cluster, "state", None) not in ("WAITING", "RUNNING"):
                return
            side_by_side = getattr(cluster, "step_concurrency_level", 1)
            free = side_by_side - len([step for step in cluster.steps if step.state in BUSY])
            pending = [step for step in cluster.steps if step.state == "PENDING"]
            for step in pending[: max(free, 0)]:
                step.state = "RUNNING"
                step.start()
                self.running.append(threading.Thread(target=self._run, args=(cluster, step), daemon=True))
                self.running[-1].start()
            cluster.state = "RUNNING" if any(step.state in BUSY for step in cluster.steps) else "WAITING"

    def _run(self, cluster: Any, step: Any) -> None:
        fault = self.faults.meet(step.name, "fail", "stall", "lose")
        if fault and fault.kind == "lose":
            with self.lock:
                cluster.steps.remove(step)
            self.go_on(cluster)
            return
        if fault and fault.before:
            self._stall(fault, step)
        code = self._execute(cluster, step, fault)
        if fault and not fault.before:
            self._stall(fault, step)
        self.logs.write(cluster, step.id, self._place(step))
        self._end(cluster, step, code)

    def _stall(self, fault: Fault, step: Any) -> None:
        if fault.kind == "stall":
            released = self.faults.hold()
            while step.state == "RUNNING" and not released.wait(LOOK_SECONDS):
                pass

    def _place(self, step: Any) -> Path:
        return self.folder / "steps" / step.id

    def hdfs(self, cluster: Any) -> Path:
        """Return the folder that stands for a cluster's HDFS."""
        root = self.folder / "hdfs" / cluster.id
        root.mkdir(exist_ok=True)
        return root

    def _execute(self, cluster: Any, step: Any, fault: Fault | None) -> int:
        """Return the exit code of a step's process, and leave what it said in the step's folder."""
        place = self._place(step)
        for name in ("step", "containers"):
            (place / name).mkdir(parents=True)
        if fault and fault.kind == "fail":
            (place / "step/stderr").write_text(fault.about["stderr"])
            return 1
        with (place / "step/stdout").open("w") as output, (place / "step/stderr").open("w") as errors:
            if step.jar != "command-runner.jar":
                errors.write(f"{step.jar} cannot be run here\n")
                return 1
            try:
                return self._wait(step, self._start(cluster, step, output, errors))
            except OSError as error:
                errors.write(f'Cannot run program "{step.args[0]}": {error}\n')
                return 1

    def _start(self, cluster: Any, step: Any, output: Any, errors: Any) -> subprocess.Popen[str]:
        own = {"EMR_HDFS": str(self.hdfs(cluster)), "EMR_CONTAINERS": str(self._place(step) / "containers")}
        path = f"{self.folder / 'bin'}:{os.environ['PATH']}"
        return subprocess.Popen(
            step.args, cwd=tempfile.gettempdir(), env={**os.environ, **own, "PATH": path, "PYTHONPATH": ""},
            text=True, stdin=subprocess.DEVNULL, stdout=output, stderr=errors, start_new_session=True,
        )  # fmt: skip

    def _wait(self, step: Any, process: subprocess.Popen[str]) -> int:
        """Return how a process ended, which is ended with its step."""
        while process.poll() is None and step.state == "RUNNING":
            time.sleep(LOOK_SECONDS)
        for number in (signal.SIGTERM, signal.SIGKILL):
            with suppress(ProcessLookupError, subprocess.TimeoutExpired):
                os.killpg(process.pid, number)
                process.wait(TERM_SECONDS)
        return process.wait()

    def _end(self, cluster: Any, step: Any, code: int) -> None:
        with self.lock:
            step.end_date_time = datetime.now(timezone.utc)
            if step.state == "CANCEL_PENDING":
                step.state = "CANCELLED"
            elif step.state == "RUNNING" and code == 0:
                step.state = "COMPLETED"
            elif step.state == "RUNNING":
                step.state, step.failure = "FAILED", self.logs.failure(cluster, step.id, self._place(step))
                self._after_failure(cluster, step)
            self.go_on(cluster)

    def _after_failure(self, cluster: Any, step: Any) -> None:
        todo: dict[str, Callable[[], None]] = {
            "CANCEL_AND_WAIT": lambda: _cancel_pending(cluster),
            "CONTINUE": lambda: None,
        }
        todo.get(step.action_on_failure, lambda: self.terminate(cluster))()


def _cancel(step: Any) -> dict[str, str]:
    if step.state not in OPEN:
        return {"StepId": step.id, "Status": "FAILED", "Reason": f"The step is {step.state}."}
    step.state = "CANCELLED" if step.state == "PENDING" else "CANCEL_PENDING"
    return {"StepId": step.id, "Status": "SUBMITTED"}


def _cancel_pending(cluster: Any) -> None:
    """Cancel all that waits on a cluster, whoever sent it: so does CANCEL_AND_WAIT."""
    for step in cluster.steps:
        if step.state == "PENDING":
            step.state, step.last_state_change_reason = "CANCELLED", "Job terminated"
