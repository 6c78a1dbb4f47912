"""What it costs to wait for steps on EMR, beside boto3's own waiter with its 30 seconds, once for each step.

(a) calls to EMR in an hour, for 1, 10 and 100 dates that wait for one cluster: while a step lasts, with nothing else to
    be seen; and on a busy cluster, where each has a job of four minutes, and is followed by the next
(b) seconds between the end of a step of a minute and its being known, and before it was sent

For (a) time goes faster: every pause, and each job, is a twentieth of what it is; a fifth on the busy cluster, so that
a hundred processes keep up. (b) takes its time. EMR is the twin that the tests have, and its steps sleep.
"""

from __future__ import annotations

import argparse
import itertools
import logging
import multiprocessing
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, NamedTuple

from botocore.exceptions import ClientError
from rich.console import Console
from rich.table import Table
from s3_server import s3_server

# The tests have the twin of EMR.
TESTS = Path(__file__).parents[1] / "tests"
sys.path[0] = str(TESTS)

from fixtures_emr import Emr as Twin  # noqa: E402
from fixtures_s3 import REGION  # noqa: E402

from emr import poller, runner, submission  # noqa: E402
from emr.api import Emr  # noqa: E402
from emr.clusters.fixed import FixedCluster  # noqa: E402
from emr.ledger import Entry, Ledger  # noqa: E402
from emr.work import Work  # noqa: E402
from pipeline.core.store.local import LocalStore  # noqa: E402

FORK = multiprocessing.get_context("fork")
DATES = (1, 10, 100)
POLL_SECONDS, PEER_SECONDS = 30, 30
JOB_SECONDS = 240
WARM_SECONDS, STARTING_SECONDS = 35, 0.2
STEP_SECONDS = (50, 55, 60, 65, 70)
ACTIONS = ("AddJobFlowSteps", "CancelSteps", "DescribeCluster", "DescribeStep", "ListSteps")


class Job(NamedTuple):
    """What dates wait for: how long it takes, how much faster time goes, and how long is looked at the calls."""

    what: str
    seconds: float
    scale: int
    window_seconds: float


LASTS = Job("a step that lasts", 10**6, 20, 45)
BUSY = Job("a busy cluster", JOB_SECONDS, 5, 2 * JOB_SECONDS / 5)


class Quiet:
    """A reporter that tells nobody."""

    def progress(self, percent: float) -> None: ...
    def tracking_url(self, url: str) -> None: ...


class Bench:
    """A cluster of the twin's, a folder, and the two ways to have steps run and wait for their end."""

    def __init__(self, twin: Twin, folder: Path, scale: int = 1) -> None:
        self.twin, self.cluster_id, self.scale = twin, twin.new_cluster(), scale
        self.folder = Path(tempfile.mkdtemp(dir=folder))
        self.emr = Emr.connect()
        self.numbers = itertools.count()

    def ours(self, seconds: list[float]) -> Entry:
        """Return what was submitted, and has ended: steps that take so many seconds each."""
        key = f"date-{os.getpid()}-{next(self.numbers)}"
        work = Work(
            key, f"bench 0 {key} d", (), FixedCluster(self.cluster_id),
            new_attempt=lambda: "a", steps=lambda attempt: steps_of(seconds), has_result=lambda attempt: True,
            host_folder=self.folder / "host", poll_seconds=POLL_SECONDS / self.scale,
        )  # fmt: skip
        return runner.run(self.emr, Ledger(LocalStore(str(self.folder / "lake"))), work, Quiet())

    def peer(self, seconds: list[float]) -> list[str]:
        """Return the ids of such steps, each waited for as boto3 does."""
        client, delay = self.emr.client, PEER_SECONDS / self.scale
        named = [step | {"Name": "bench"} for step in steps_of(seconds)]
        while True:
            try:
                ids = client.add_job_flow_steps(JobFlowId=self.cluster_id, Steps=named)["StepIds"]
                break
            except ClientError:
                time.sleep(delay)
        for one in ids:
            client.get_waiter("step_complete").wait(
                ClusterId=self.cluster_id, StepId=one, WaiterConfig={"Delay": delay, "MaxAttempts": 10**6}
            )
        return ids

    def calls(self) -> int:
        return sum(self.twin.calls(action) for action in ACTIONS)


def steps_of(seconds: list[float]) -> list[dict[str, Any]]:
    lines = [["sleep", str(one)] for one in seconds]
    return [
        {"ActionOnFailure": "CONTINUE", "HadoopJarStep": {"Jar": "command-runner.jar", "Args": line}} for line in lines
    ]


@contextmanager
def twin_of_emr(folder: Path) -> Iterator[Twin]:
    with s3_server(folder) as s3:
        command = [sys.executable, str(TESTS / "emr_server.py"), str(folder), s3, REGION]
        os.environ["AWS_DEFAULT_REGION"] = REGION
        with (folder / "emr.log").open("w") as log, subprocess.Popen(
            command, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log
        ) as process:  # fmt: skip
            twin = Twin(process, s3)
            os.environ |= twin.environment
            yield twin


def calls_in_an_hour(bench: Bench, dates: int, wait: Callable[[list[float]], Any], job: Job) -> float:
    """Return how often EMR is called while so many dates wait, each followed by a next one when it ends."""

    def date() -> None:
        while True:
            wait([0, job.seconds / bench.scale, 0])

    waiting = [FORK.Process(target=date, daemon=True) for _ in range(dates)]
    for process in waiting:
        process.start()
    time.sleep(WARM_SECONDS + dates * STARTING_SECONDS)
    calls, began = bench.calls(), time.monotonic()
    time.sleep(job.window_seconds)
    made, took = bench.calls() - calls, time.monotonic() - began
    assert all(process.is_alive() for process in waiting)
    for process in waiting:
        process.kill()
        process.join()
    bench.twin._ask("end")
    return 3600 / bench.scale * made / took


def seconds_added(bench: Bench, wait: Callable[[list[float]], Any], seconds: float) -> float:
    """Return how much longer a step takes whoever waits for it than EMR does."""
    began = datetime.now(timezone.utc)
    told = wait([seconds])
    ended = datetime.now(timezone.utc)
    [step] = bench.emr.steps(bench.cluster_id, told.step_ids if isinstance(told, Entry) else told)
    assert step.created_at and step.ended_at
    return (step.created_at - began).total_seconds() + (ended - step.ended_at).total_seconds()


def measure_calls(twin: Twin, folder: Path, counts: tuple[int, ...], show: Callable[..., None]) -> None:
    for job in (LASTS, BUSY):
        first = 0.0
        for dates in counts:
            with faster(job.scale):
                bench = Bench(twin, folder, job.scale)
                calls = calls_in_an_hour(bench, dates, bench.ours, job)
            first = first or calls
            show(f"(a) {job.what}, {dates} waiting", f"{calls:.0f}", "", f"{calls / first:.2f}", "1.2")
    for dates in counts:
        bench = Bench(twin, folder, LASTS.scale)
        # It asks as often whatever the steps do.
        calls = calls_in_an_hour(bench, dates, bench.peer, LASTS)
        show(f"(a) either, {dates} waiting", "", f"{calls:.0f}", "", "")


@contextmanager
def faster(scale: int) -> Iterator[None]:
    """Shorten every pause but poll_seconds, which is a setting."""
    first, again = poller.FIRST_SECONDS, submission.AGAIN_SECONDS
    poller.FIRST_SECONDS, submission.AGAIN_SECONDS = first / scale, (again[0] / scale, again[1] / scale)
    yield
    poller.FIRST_SECONDS, submission.AGAIN_SECONDS = first, again


def measure_added(twin: Twin, folder: Path, show: Callable[..., None]) -> None:
    benches = [Bench(twin, folder) for _ in range(2 * len(STEP_SECONDS))]
    waits = [bench.ours if number % 2 else bench.peer for number, bench in enumerate(benches, start=1)]
    lengths = [seconds for seconds in STEP_SECONDS for _ in (1, 2)]
    with ThreadPoolExecutor(len(benches)) as pool:
        added = list(pool.map(seconds_added, benches, waits, lengths))
    ours, peer = statistics.mean(added[::2]), statistics.mean(added[1::2])
    share = ours / statistics.mean(STEP_SECONDS)
    show("(b) seconds added to a step of 50 to 70", f"{ours:.1f}", f"{peer:.1f}", f"{share:.1%}", "5%")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="at most ten dates")
    counts = DATES[:2] if parser.parse_args().quick else DATES
    # A hundred dates do not fit on the cluster at once, as is then said.
    logging.getLogger("emr").setLevel(logging.ERROR)
    table = Table("", "Lakeshift", "boto3's waiter", "over 1 date, or the step", "aim")
    folder = Path(tempfile.mkdtemp(prefix="lakeshift-bench-"))
    try:
        with twin_of_emr(folder) as twin:
            measure_added(twin, folder, lambda *row: table.add_row(*row))
            measure_calls(twin, folder, counts, lambda *row: table.add_row(*row))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    Console().print(table)


if __name__ == "__main__":
    main()
