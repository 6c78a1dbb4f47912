"""A twin of EMR Serverless for tests, in a process of its own: its API, and an executor that really runs the jobs.

emr_serverless_server.py FOLDER S3-ENDPOINT REGION

Every line of input asks for something (`Control`), and is answered by a line. It ends with its input.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import uuid
from pathlib import Path
from typing import Any

from emr_faults import Faults
from emr_serverless_api import ENDED, Api, Application
from emr_serverless_executor import Executor
from werkzeug.serving import WSGIRequestHandler, make_server


class Quiet(WSGIRequestHandler):
    """Says nothing of the requests."""

    def log_request(self, *about: Any) -> None:
        """Say nothing."""


class Control:
    """What a test asks of the twin: each method is a request."""

    def __init__(self, folder: Path, s3_endpoint: str, region: str) -> None:
        self.faults = Faults()
        self.executor = Executor(folder, s3_endpoint, region, self.faults)
        self.api = Api(self.executor.begin, self.faults)
        self.server = make_server("127.0.0.1", 0, self.api, threaded=True, request_handler=Quiet)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def answer(self, request: dict[str, Any]) -> Any:
        return getattr(self, request.pop("do"))(**request)

    def start(self) -> int:
        """Forget what the last test asked for, end what it left running, and return the port on 127.0.0.1."""
        self.end()
        self.faults.forget()
        self.executor.delay_seconds = 0
        return self.server.server_port

    def end(self) -> None:
        for application in self.api.applications.values():
            for run in application.runs.values():
                run.state = run.state if run.state in ENDED else "CANCELLING"

    def new_application(self, state: str, starts: bool) -> str:
        name = f"00{uuid.uuid4().hex[:14]}"
        self.api.applications[name] = Application(state, starts)
        return name

    def steps(self, cluster_id: str) -> list[tuple[str, str]]:
        return [(run.name, run.state) for run in list(self.api.applications[cluster_id].runs.values())]

    def requests(self, application_id: str) -> list[dict[str, Any]]:
        return [run.request for run in self.api.applications[application_id].runs.values()]

    def fault(self, **about: Any) -> None:
        self.faults.add(**about)

    def delay_logs(self, seconds: float | None) -> None:
        self.executor.delay_seconds = seconds

    def calls(self) -> list[str]:
        return self.faults.calls

    def held(self) -> int:
        return len(self.faults.held)

    def release(self) -> None:
        self.faults.release()

    def unmet(self) -> list[str]:
        return self.faults.unmet()


def main(folder: str, s3_endpoint: str, region: str) -> None:
    os.environ["EMR_S3"] = s3_endpoint
    control = Control(Path(folder), s3_endpoint, region)
    for line in sys.stdin:
        print(json.dumps(control.answer(json.loads(line))), flush=True)
    control.end()
    control.executor.wait()


if __name__ == "__main__":
    main(*sys.argv[1:])
