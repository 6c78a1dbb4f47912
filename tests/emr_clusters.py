"""Runs with a cluster of their own, for tests: each a process of this machine, their records in a folder."""

from __future__ import annotations

import multiprocessing
import os
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import uuid4

from emr_work import Bench

from emr.api import Emr
from emr.clusters import request
from emr.clusters.records import Records
from emr.clusters.transient import Run, RunCluster
from emr.lease import this_host, this_process
from emr.ledger import Entry
from emr.runner import run
from pipeline.core.locks import file_lock
from pipeline.core.store.local import LocalStore

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
        work = replace(self.bench.work(), clusters=self.clusters)
        return run(Emr.connect(), self.bench.ledger, work, self.bench.heard)

    def left_by_a_dead_run(self) -> RunBench:
        """Return this run as one whose owner is gone."""
        process = FORK.Process(target=os.getpid)
        process.start()
        process.join()
        return replace(self, owner=f"{this_host()} {process.pid} 1.0")


def process_of(work: Any, *arguments: Any) -> multiprocessing.Process:
    process = FORK.Process(target=work, args=arguments)
    process.start()
    return process
