"""What benchmarks of commands share: a folder with a PostgreSQL and settings of its own, and what a command costs."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from pipeline.core.database import Database
from pipeline.core.embedded import start_postgres

BARE = Path(__file__).parent / "bare"
BIN = Path(sys.executable).parent
SETTINGS = """
[lake]
root = {folder}/lake
[database]
url = {url}
[warehouse]
url = duckdb:{folder}/warehouse.duckdb
[log]
file = {folder}/log/lakeshift.log
"""


@dataclass(frozen=True)
class Cost:
    """A command's wall time in seconds, and the peak memory of its largest process in MiB."""

    seconds: float
    mebibytes: float


class Bench:
    """A folder with its own PostgreSQL, sources and settings; those given are of the pipeline alone."""

    def __init__(self, folder: Path, settings: str) -> None:
        self.folder = folder
        self.url = start_postgres(folder / "postgres")
        self.database = Database(self.url)
        (folder / "bench.cfg").write_text((SETTINGS + settings).format(folder=folder, url=self.url))
        self.environment = os.environ | {
            "LUIGI_CONFIG_PATH": str(folder / "bench.cfg"),
            "XDG_CACHE_HOME": str(folder / "cache"),
            # Python keeps what it has compiled, unless a machine forbids that: then each command compiles all again.
            "PYTHONPYCACHEPREFIX": str(folder / "compiled"),
        }
        self.environment.pop("PYTHONDONTWRITEBYTECODE", None)

    def run(self, *command: str) -> Cost:
        """Run a command to its end, which must be good."""
        with (self.folder / "output.log").open("w+") as output:
            started = time.monotonic()
            process = subprocess.Popen(command, env=self.environment, stdout=output, stderr=output)
            _, status, usage = os.wait4(process.pid, 0)
            seconds = time.monotonic() - started
            process.returncode = os.waitstatus_to_exitcode(status)
            if process.returncode:
                output.seek(0)
                raise SystemExit(f"{' '.join(command)} ended {process.returncode}:\n{output.read()}")
        return Cost(seconds, usage.ru_maxrss / (1024 if sys.platform == "linux" else 1 << 20))

    def lakeshift(self, *arguments: str) -> Cost:
        return self.run(str(BIN / "lakeshift"), *arguments)

    def bare(self, script: str, *arguments: object) -> Cost:
        return self.run(sys.executable, str(BARE / script), *map(str, arguments))
