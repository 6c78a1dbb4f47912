"""Runs with a cluster of their own, for tests: each a process of this machine, their records in a folder."""

from __future__ import annotations

import multiprocessing
import os
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import uuid4

import psutil
from emr_work import KEY, Bench

from emr.api import Emr
from emr.clusters import request
from emr.clusters.pool import Pool, PoolPlan
from emr.clusters.records import POOL_CLUSTERS, Records
from emr.clusters.runs import Run
from emr.clusters.slots import Slots
from emr.clusters.transient import RunCluster
from emr.lease import this_host, this_process
from emr.ledger import Entry
from emr.runner import run
from pipeline.core.locks import file_lock
from pipeline.core.store.local import LocalStore

STARTED: list[multiprocessing.Process] = []
FORK = multiprocessing.get_context("fork")
PLACES = {
    "release": "emr-7.12.0", "log_uri": "", "service_role": "role", "instance_profile": "profile",
    "security_configuration": "", "subnet_ids": [], "idle_seconds": 600,
    "node_security_group": "", "service_security_group": "",
}  # fmt: skip


@dataclass
class RunBench:
    """A run that makes one partition on a cluster of its own; its owner is the process that made this."""

    bench: Bench
    id: str = field(default_factory=lambda: uuid4().hex[:8])
    owner: str = ""
    kind: str = "emr-7.12.0"
    key: str = KEY

    def __post_init__(self) -> None:
        self.owner = self.owner or this_process()

    @property
    def records(self) -> Records:
        return Records(LocalStore(str(self.bench.folder / "lake")))

    @property
    def clusters(self) -> RunCluster:
        template = request.Template.of(request.packaged(), PLACES | {"release": self.kind}, "0123456789ab")
        run = Run(self.id, self.owner, lambda: file_lock(self.bench.folder / f"{self.id}.lock"))
        return RunCluster(Emr.connect(), self.records, template, run)

    def take(self) -> str:
        return self.clusters.take("a submission")

    def run(self) -> Entry:
        work = replace(self.bench.work(), clusters=self.clusters, key=self.key)
        return run(Emr.connect(), self.bench.ledger, work, self.bench.heard)

    def left_by_a_dead_run(self) -> RunBench:
        """Return this run as one whose owner is gone."""
        process = FORK.Process(target=os.getpid)
        process.start()
        process.join()
        return replace(self, owner=f"{this_host()} {process.pid} 1.0")


def owner_of(pid: int) -> str:
    """Return what names a process of this host as one that answers for something."""
    return f"{this_host()} {pid} {psutil.Process(pid).create_time()}"


def process_of(work: Any, *arguments: Any) -> multiprocessing.Process:
    process = FORK.Process(target=work, args=arguments)
    process.start()
    STARTED.append(process)
    return process


def kill_started() -> None:
    """End what a test left running; it would keep the twin of EMR from ending."""
    while STARTED:
        process = STARTED.pop()
        process.kill()
        process.join()


@dataclass
class PoolBench(RunBench):
    """A run whose submissions go to the clusters of a pool."""

    most: int = 1
    pool: str = field(default_factory=lambda: f"pool{uuid4().hex[:6]}")

    @property
    def slots(self) -> Slots:
        return Slots(Emr.connect(), LocalStore(str(self.bench.folder / "lake")))

    @property
    def clusters(self) -> Pool:
        template = request.Template.of(request.packaged(), PLACES, "0123456789ab")
        template.request["StepConcurrencyLevel"] = 1
        run = Run(self.id, self.owner, lambda: file_lock(self.bench.folder / f"{self.id}.lock"))
        records = Records(LocalStore(str(self.bench.folder / "lake")), POOL_CLUSTERS)
        return Pool(self.slots, records, template, run, PoolPlan(self.pool, self.most, longest_seconds=0.5))

    def take(self, name: str = "a submission") -> str:
        return self.clusters.take(name)
