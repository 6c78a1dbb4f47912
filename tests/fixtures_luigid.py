"""Luigi's central scheduler for a test, with the settings that `lakeshift up` gives it."""

from __future__ import annotations

import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from urllib.error import URLError

import pytest
from fixtures_s3 import free_port
from project import ROOT

DAEMON = "from pipeline.core.luigi_settings import luigid; luigid()"


@pytest.fixture
def luigid(tmp_path) -> Iterator[str]:
    port = free_port()
    place = ["--address", "127.0.0.1", "--port", str(port), "--state-path", str(tmp_path / "state")]
    command = [sys.executable, "-c", DAEMON, *place]
    with subprocess.Popen(command, cwd=ROOT, stderr=subprocess.DEVNULL) as server:
        wait_for(f"http://127.0.0.1:{port}/static/visualiser/index.html")
        yield f"http://127.0.0.1:{port}"
        server.terminate()


def wait_for(url: str) -> None:
    deadline = time.monotonic() + 30
    while True:
        try:
            urllib.request.urlopen(url, timeout=5).close()
            return
        except URLError:
            assert time.monotonic() < deadline, f"{url} does not answer"
            time.sleep(0.1)
