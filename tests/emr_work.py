"""Work for a twin of EMR that takes no time: steps that leave a mark, and a ledger in a folder."""

from __future__ import annotations

import itertools
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fixtures_emr import Emr as Twin

from emr.clusters.fixed import FixedCluster
from emr.ledger import Entry, Ledger
from emr.runner import run
from emr.work import Work
from pipeline.core.store.local import LocalStore

KEY = "stage/review/insert_date=2010-12-01"
TITLE = "lakeshift 0123456789ab stage/review insert_date=2010-12-01"


class Heard:
    """A reporter that remembers."""

    def __init__(self) -> None:
        self.percents: list[float] = []
        self.urls: list[str] = []

    def progress(self, percent: float) -> None:
        self.percents.append(percent)

    def tracking_url(self, url: str) -> None:
        self.urls.append(url)


@dataclass
class Bench:
    """One partition to be made on a twin of EMR, and a folder for its ledger and its results."""

    twin: Twin
    folder: Path
    inputs: tuple[str, ...] = ("raw 1",)
    middle: tuple[str, ...] = ("true",)
    heard: Heard = field(default_factory=Heard)
    numbers: Any = field(default_factory=itertools.count)

    @property
    def ledger(self) -> Ledger:
        return Ledger(LocalStore(str(self.folder / "lake")))

    @property
    def entry(self) -> Entry:
        kept = self.ledger.read(KEY)
        assert kept
        return kept.entry

    def work(self) -> Work:
        return Work(
            KEY, TITLE, self.inputs, FixedCluster(self.twin.cluster_id),
            new_attempt=lambda: f"{os.getpid()}-{next(self.numbers)}",
            steps=self.steps,
            has_result=lambda attempt: self.result(attempt).exists(),
            host_folder=self.folder / "host",
            poll_seconds=0.2,
        )  # fmt: skip

    def result(self, attempt: str) -> Path:
        return self.folder / f"result-{attempt}"

    def steps(self, attempt: str) -> list[dict[str, Any]]:
        lines = [("true",), self.middle, ("touch", str(self.result(attempt)))]
        return [
            {"ActionOnFailure": "CONTINUE", "HadoopJarStep": {"Jar": "command-runner.jar", "Args": list(line)}}
            for line in lines
        ]

    def run(self) -> Entry:
        from emr.api import Emr

        return run(Emr.connect(), self.ledger, self.work(), self.heard)
