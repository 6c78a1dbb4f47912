"""A monitored folder of a pipeline that a test watches, with watchers that are processes of their own."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import date
from pathlib import Path

from project import ROOT

from pipeline.core.claims import Claim, Claims
from pipeline.core.store.local import LocalStore

SCRIPT = ROOT / "tests/watched/watched_day.py"
MARKER = "2017-11-10.SUCCESS"
SETTINGS = "[retcode]\ntask_failed = 30\nalready_running = 10\n[log]\nfile = log/lakeshift.log\n"


class Place:
    """A monitored folder of a pipeline that does what the folder says, and the watchers of it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.started: list[subprocess.Popen] = []
        self.scheduler = ["--local-scheduler"]
        (folder / "test.cfg").write_text(SETTINGS)

    def use_scheduler(self, url: str) -> None:
        self.scheduler = []
        (self.folder / "test.cfg").write_text(f"{SETTINGS}[core]\ndefault_scheduler_url = {url}\n")

    def put(self, *names: str) -> None:
        for name in names:
            (self.folder / name).touch()

    def start(self, *options: str, **pipes: int) -> subprocess.Popen:
        return self._begin(str(SCRIPT), "watch", "watched_day", *self.scheduler, *options, **pipes)

    def start_by_hand(self) -> subprocess.Popen:
        task = ["--module", "watched_day", "WatchedDay", "--date", "2017-11-10"]
        return self._begin("-m", "luigi", *task, *self.scheduler)

    def _begin(self, *line: str, stderr: int = subprocess.STDOUT) -> subprocess.Popen:
        environment = os.environ | {
            "WATCHED_FOLDER": str(self.folder),
            "LUIGI_CONFIG_PATH": str(self.folder / "test.cfg"),
            "PYTHONPATH": os.pathsep.join([str(ROOT), str(SCRIPT.parent)]),
        }
        pipes = {"stdout": subprocess.PIPE, "stderr": stderr, "text": True}
        self.started.append(subprocess.Popen([sys.executable, *line], cwd=self.folder, env=environment, **pipes))
        return self.started[-1]

    def run(self, *options: str) -> tuple[int, list[str]]:
        """Return the exit code of one look, and what was said of markers."""
        return self.end_of(self.start("--once", *options))

    def end_of(self, process: subprocess.Popen) -> tuple[int, list[str]]:
        output, _ = process.communicate(timeout=60)
        return process.returncode, [line for line in output.splitlines() if line.startswith(MARKER)]

    def runs(self) -> list[int]:
        """Return the processes of the runs so far."""
        path = self.folder / "runs"
        return [int(line.split()[1]) for line in path.read_text().splitlines()] if path.exists() else []

    def has_done(self) -> bool:
        return (self.folder / "2017-11-10.done").exists()

    def claim(self) -> Claim | None:
        held = Claims(LocalStore(str(self.folder)), "watched_day").read(date(2017, 11, 10))
        return held.claim if held else None
