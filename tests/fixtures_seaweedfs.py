"""SeaweedFS for tests: another S3, which checks signatures and keeps its files on disk.

from fixtures_seaweedfs import seaweedfs  # noqa: F401
"""

from __future__ import annotations

import json
import subprocess
import sysconfig
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from fixtures_s3 import REGION, free_ports

from pipeline.core.errors import SourceUnavailable
from pipeline.core.store.s3 import S3Store

SERVERS = ("master", "volume", "filer", "s3")
KEY = {"accessKey": "test", "secretKey": "test"}
BUCKET = "s3://lake"


@pytest.fixture(scope="session")
def seaweedfs(tmp_path_factory: pytest.TempPathFactory, aws_keys: None) -> Iterator[str]:
    """The endpoint of a SeaweedFS with one bucket: the first file of each bucket takes seconds, so tests share it."""
    folder = tmp_path_factory.mktemp("seaweedfs")
    ports = free_ports([f"{server}.{port}" for server in SERVERS for port in ("port", "port.grpc")])
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen(command(folder, ports), cwd=folder, stdout=log, stderr=log)
        try:
            endpoint = f"http://127.0.0.1:{ports['s3.port']}"
            wait_until_it_takes_files(S3Store(BUCKET, endpoint, REGION), server)
            yield endpoint
        finally:
            server.kill()
            server.wait()


def command(folder: Path, ports: dict[str, int]) -> list[str]:
    identity = {"name": "tester", "credentials": [KEY], "actions": ["Admin", "Read", "Write", "List"]}
    (folder / "s3.json").write_text(json.dumps({"identities": [identity]}))
    options = {
        "dir": folder,
        "ip": "127.0.0.1",
        "ip.bind": "127.0.0.1",
        "master.telemetry": "false",
        "master.volumeSizeLimitMB": 64,
        "filer.localSocket": folder / "filer.sock",
        "s3": "true",
        "s3.config": folder / "s3.json",
        "s3.localSocket": folder / "s3.sock",
        "s3.port.iceberg": 0,
        "s3.port.lance": 0,
    }
    weed = Path(sysconfig.get_path("scripts")) / "weed"
    return [str(weed), "-logtostderr", "server", *(f"-{name}={value}" for name, value in (options | ports).items())]


def wait_until_it_takes_files(store: S3Store, server: subprocess.Popen, seconds: float = 60) -> None:
    """Return when its bucket, which the first file makes, is there: its gateway answers before the rest of it is up."""
    ends = time.monotonic() + seconds
    while True:
        try:
            store.create("first", b"")
            return
        except SourceUnavailable:
            assert server.poll() is None and time.monotonic() < ends, "SeaweedFS did not start"
            time.sleep(0.2)
