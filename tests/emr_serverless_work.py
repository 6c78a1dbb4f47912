"""Work for a twin of EMR Serverless that takes no time: a job run that leaves a mark, and a ledger in a folder."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import Any

from emr_work import Bench
from fixtures_serverless import ROLE

from emr.ledger import Entry
from emr.runner import run
from emr.serverless import Serverless


@dataclass
class ServerlessBench(Bench):
    """One partition to be made by a job run, and a folder for its ledger and its results."""

    def steps(self, attempt: str) -> list[dict[str, Any]]:
        script = f"{shlex.join(self.middle)} && touch {self.result(attempt)}"
        submit = {"entryPoint": "sh", "entryPointArguments": ["-c", script]}
        return [{"executionRoleArn": ROLE, "jobDriver": {"sparkSubmit": submit}}]

    def run(self) -> Entry:
        return run(Serverless.connect(), self.ledger, self.work(), self.heard)
