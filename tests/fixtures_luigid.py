"""Luigi's central scheduler for a test, with the settings that `lakeshift up` gives it."""

from __future__ import annotations

import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.error import URLError

import pytest
from fixtures_s3 import free_port
from project import ROOT

DAEMON = "from pipeline.core.luigi_settings import luigid; luigid()"


@pytest.fixture
def luigid(tmp_path: Path) -> Iterator[str]:
    with running_luigid(tmp_path) as url:
        yield url


@contextmanager
def running_luigid(folder: Path, **scheduler: str) -> Iterator[str]:
    """Run a scheduler with some settings of its own, and yield its URL."""
    lines = [f"{name} = {value}\n" for name, value in scheduler.items()]
    (folder / "luigid.cfg").write_text("".join(["[scheduler]\n", *lines]))
    port = free_port()
    place = ["--address", "127.0.0.1", "--port", str(port), "--state-path", str(folder / "state")]
    command = [sys.executable, "-c", DAEMON, *place]
    environment = os.environ | {"LUIGI_CONFIG_PATH": str(folder / "luigid.cfg")}
    with subprocess.Popen(command, cwd=ROOT, env=environment, stderr=subprocess.DEVNULL) as server:
        try:
            wait_for(f"http://127.0.0.1:{port}/static/visualiser/index.html")
            yield f"http://127.0.0.1:{port}"
        finally:
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
