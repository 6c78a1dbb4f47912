"""A pipeline of one task, which waits: luigi --module waiting_task Waiting --date D, in a project's folder.

`begun` is there once it waits, and it goes on when `go` is.
"""

from __future__ import annotations

import os
import signal
import time
from contextlib import suppress
from pathlib import Path

# It is a run as those of the pipelines are.
from pipeline.core.tasks import PartitionTask


class Done:
    """A file that says that the task is done."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def exists(self) -> bool:
        return self.path.exists()


class Waiting(PartitionTask):
    """What is done when it was told to go."""

    def output(self) -> Done:
        return Done(Path(f"done-{self.date}"))

    def make(self) -> str:
        Path("begun").write_text(str(os.getpid()))
        while not Path("go").exists():
            time.sleep(0.02)
        self.output().path.touch()
        return "waited"


class Swallowing(Waiting):
    """What is sent a signal where nothing is let out."""

    def deps(self):
        with suppress(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGTERM)
        return super().deps()
