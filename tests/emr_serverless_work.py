"""Work for a twin of EMR Serverless that takes no time: a job run that leaves a mark, and a ledger in a folder."""

from __future__ import annotations

import shlex
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from emr_work import Bench
from fixtures_serverless import ROLE

from emr.ledger import Entry
from emr.runner import run
from emr.serverless import Serverless
from emr.work import Work


@dataclass
class ServerlessBench(Bench):
    """One partition to be made by a job run, and a folder for its ledger and its results."""

    role: str = ROLE
    # Where those that wait on this machine find each other.
    host: Path | None = None

    def work(self) -> Work:
        work = super().work()
        return replace(work, host_folder=self.host or work.host_folder)

    def steps(self, attempt: str) -> list[dict[str, Any]]:
        script = f"{shlex.join(self.middle)} && touch {self.result(attempt)}"
        submit = {"entryPoint": "sh", "entryPointArguments": ["-c", script]}
        logs = {"monitoringConfiguration": {"s3MonitoringConfiguration": {"logUri": self.twin.log_uri}}}
        return [{"executionRoleArn": self.role, "jobDriver": {"sparkSubmit": submit}, "configurationOverrides": logs}]

    def run(self) -> Entry:
        return run(Serverless.connect(), self.ledger, self.work(), self.heard)
