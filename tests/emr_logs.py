"""The logs of a twin of EMR, where EMR leaves them below a cluster's log URI, and when a test wants them there."""

from __future__ import annotations

import gzip
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3

THROWN = "Exception in thread"


class Logs:
    """What the steps say goes to S3 after some seconds; with None, never."""

    def __init__(self, s3_endpoint: str, region: str) -> None:
        self.s3 = boto3.client("s3", endpoint_url=s3_endpoint, region_name=region)
        self.delay_seconds: float | None = 0

    def write(self, cluster: Any, step_id: str, place: Path) -> None:
        """Take what a step left in its folder to S3, now or later."""
        if self.delay_seconds is None or not cluster.log_uri:
            return
        if self.delay_seconds == 0:
            self._write(cluster, step_id, place)
        else:
            timer = threading.Timer(self.delay_seconds, self._write, (cluster, step_id, place))
            timer.daemon = True
            timer.start()

    def failure(self, cluster: Any, step_id: str, place: Path) -> dict[str, str]:
        """Return what EMR makes of a step that failed: seldom more than the line by which its client ended."""
        said = (place / "step/stderr").read_text().splitlines()
        message = next((line for line in said if line.startswith(THROWN)), "")
        log = {"LogFile": f"{_below(cluster)}/steps/{step_id}/stderr.gz"} if cluster.log_uri else {}
        return {"Reason": "Unknown Error.", **({"Message": message} if message else {}), **log}

    def _write(self, cluster: Any, step_id: str, place: Path) -> None:
        bucket, _, prefix = _below(cluster).removeprefix("s3://").partition("/")
        for path, name in _files(place, step_id):
            self.s3.put_object(Bucket=bucket, Key=f"{prefix}/{name}.gz", Body=gzip.compress(path.read_bytes()))


def _below(cluster: Any) -> str:
    return f"{cluster.log_uri.rstrip('/')}/{cluster.id}"


def _files(place: Path, step_id: str) -> Iterator[tuple[Path, str]]:
    for path in sorted(place.rglob("*")):
        if path.is_file():
            kind, *rest = path.relative_to(place).parts
            yield path, "/".join(["steps", step_id, *rest] if kind == "step" else [kind, *rest])
