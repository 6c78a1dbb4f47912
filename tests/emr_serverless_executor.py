"""What really runs the job runs of a twin of EMR Serverless, each as a process of this machine."""

from __future__ import annotations

import gzip
import os
import shlex
import signal
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import boto3
from emr_faults import Fault, Faults
from emr_serverless_api import ENDED, JobRun

LOOK_SECONDS = 0.02
TERM_SECONDS = 5
FAILED = "Job failed, please check complete logs in configured logging destination. ExitCode: 1. Last few exceptions: "


class Executor:
    """Runs the job runs of all applications, side by side; `folder` holds what they say."""

    def __init__(self, folder: Path, s3_endpoint: str, region: str, faults: Faults) -> None:
        self.folder, self.faults = folder, faults
        self.s3 = boto3.client("s3", endpoint_url=s3_endpoint, region_name=region)
        # How long after the end of a job run its logs are whole; with None, they never come.
        self.delay_seconds: float | None = 0
        self.running: list[threading.Thread] = []

    def begin(self, run: JobRun) -> None:
        """Run a job, soon."""
        self.running.append(threading.Thread(target=self._run, args=(run,), daemon=True))
        self.running[-1].start()

    def wait(self) -> None:
        """Wait until nothing runs any more."""
        for thread in self.running:
            thread.join()

    def _run(self, run: JobRun) -> None:
        place = self.folder / run.id
        place.mkdir()
        for name in ("stdout", "stderr"):
            (place / name).touch()
        fault = self.faults.meet(run.name, "fail", "stall", "refuse")
        if fault and fault.kind == "refuse":
            run.state, run.details, run.ended_at = "FAILED", fault.about["why"], time.time()
            return
        if run.state == "SUBMITTED":
            run.state, run.started_at = "RUNNING", time.time()
        # What a job says comes to S3 from time to time, also while it runs.
        self._write_logs(run, place)
        if fault and fault.before:
            self._stall(run, fault)
        code = self._execute(run, place, fault) if run.state == "RUNNING" else 1
        if fault and not fault.before:
            self._stall(run, fault)
        self._end(run, place, code)

    def _stall(self, run: JobRun, fault: Fault) -> None:
        if fault.kind == "stall":
            released = self.faults.hold()
            while run.state == "RUNNING" and not released.wait(LOOK_SECONDS):
                pass

    def _execute(self, run: JobRun, place: Path, fault: Fault | None) -> int:
        if fault and fault.kind == "fail":
            (place / "stdout").write_text(fault.about["stderr"])
            return 1
        submit = run.request["jobDriver"]["sparkSubmit"]
        options = shlex.split(submit.get("sparkSubmitParameters", ""))
        script = str(Path(__file__).with_name("emr_serverless_job.py"))
        command = [sys.executable, script, str(len(options)), *options, submit["entryPoint"]]
        with (place / "stdout").open("w") as output, (place / "stderr").open("w") as errors:
            process = subprocess.Popen(
                [*command, *submit.get("entryPointArguments", [])], cwd=tempfile.gettempdir(),
                stdin=subprocess.DEVNULL, stdout=output, stderr=errors, start_new_session=True,
            )  # fmt: skip
            return self._wait(run, process)

    def _wait(self, run: JobRun, process: subprocess.Popen[Any]) -> int:
        """Return how a process ended, which is ended with its job run."""
        while process.poll() is None and run.state == "RUNNING":
            time.sleep(LOOK_SECONDS)
        for number in (signal.SIGTERM, signal.SIGKILL):
            with suppress(ProcessLookupError, subprocess.TimeoutExpired):
                os.killpg(process.pid, number)
                process.wait(TERM_SECONDS)
        return process.wait()

    def _end(self, run: JobRun, place: Path, code: int) -> None:
        run.ended_at = time.time()
        if run.state == "RUNNING" and code:
            said = (place / "stderr").read_text().splitlines()[-1:]
            run.state, run.details = "FAILED", FAILED + "".join(said)[:100]
        elif run.state == "RUNNING":
            run.state, run.details = "SUCCESS", "Job run has finished."
        elif run.state not in ENDED:
            run.state, run.details = "CANCELLED", "Job run was cancelled."
        if self.delay_seconds is not None:
            time.sleep(self.delay_seconds)
            self._write_logs(run, place)

    def _write_logs(self, run: JobRun, place: Path) -> None:
        monitoring = run.request.get("configurationOverrides", {}).get("monitoringConfiguration", {})
        log_uri = monitoring.get("s3MonitoringConfiguration", {}).get("logUri")
        if log_uri is None or self.delay_seconds is None:
            return
        bucket, _, prefix = log_uri.removeprefix("s3://").partition("/")
        folder = f"{prefix.rstrip('/')}/applications/{run.application_id}/jobs/{run.id}/SPARK_DRIVER"
        for name in ("stdout", "stderr"):
            said = gzip.compress((place / name).read_bytes())
            self.s3.put_object(Bucket=bucket, Key=f"{folder}/{name}.gz", Body=said)
