"""A twin of EMR for tests, in a process of its own: moto's API, and an executor that really runs the steps.

emr_server.py FOLDER S3-ENDPOINT REGION

Every line of input asks for something (`Control`), and is answered by a line. It ends with its input, so that it does
not outlive the tests.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from pathlib import Path
from typing import Any

from emr_api import Api
from emr_executor import Executor
from emr_faults import Faults
from emr_logs import Logs
from moto.core import DEFAULT_ACCOUNT_ID
from moto.emr.models import emr_backends
from moto.moto_server.werkzeug_app import MotoRequestHandler
from werkzeug.serving import make_server


class Quiet(MotoRequestHandler):
    """Says nothing of the requests."""

    def log_request(self, *about: Any) -> None:
        """Say nothing."""


class Control:
    """What a test asks of the twin: each method is a request."""

    def __init__(self, folder: Path, s3_endpoint: str, region: str) -> None:
        self.folder, self.clusters = folder, emr_backends[DEFAULT_ACCOUNT_ID][region].clusters
        self.faults, self.logs = Faults(), Logs(s3_endpoint, region)
        self.executor = Executor(folder, self.logs, self.faults)
        self.api = Api(region, self.executor, self.faults)
        self.server = make_server("127.0.0.1", 0, self.api, threaded=True, request_handler=Quiet)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def answer(self, request: dict[str, Any]) -> Any:
        return getattr(self, request.pop("do"))(**request)

    def start(self) -> int:
        """Forget what the last test asked for, end what it left running, and return the port on 127.0.0.1."""
        self.end()
        self.before = set(self.clusters)
        self.faults.forget()
        self.logs.delay_seconds = 0
        return self.server.server_port

    def end(self) -> None:
        for cluster in self.clusters.values():
            self.executor.terminate(cluster)

    def steps(self, cluster_id: str) -> list[tuple[str, str]]:
        return [(step.name, step.state) for step in list(self.clusters[cluster_id].steps)]

    def terminate(self, cluster_id: str) -> None:
        self.executor.terminate(self.clusters[cluster_id])

    def made(self) -> list[dict[str, Any]]:
        """Return the clusters that a test made, in the order in which they came."""
        made = [cluster for cluster in list(self.clusters.values()) if cluster.id not in self.before]
        return [{"id": one.id, "name": one.name, "state": one.state, "tags": one._tags} for one in made]

    def idle(self, cluster_id: str) -> bool:
        return self.api.lives.idle(self.clusters[cluster_id])

    def hdfs(self, cluster_id: str) -> list[str]:
        """Return the paths of the files that a cluster's HDFS holds."""
        root = self.executor.hdfs(self.clusters[cluster_id])
        return sorted(f"/{path.relative_to(root)}" for path in root.rglob("*") if path.is_file())

    def fault(self, **about: Any) -> None:
        self.faults.add(**about)

    def delay_logs(self, seconds: float | None) -> None:
        self.logs.delay_seconds = seconds

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
