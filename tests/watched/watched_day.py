"""A pipeline that does what the files in its folder say, and as a script, `lakeshift` with it among the others.

hold      its run waits until this is gone
fail      its run fails
runs      the process of each run, a line each
"""

from __future__ import annotations

import os
import sys
import time
from datetime import time as clock
from pathlib import Path
from zoneinfo import ZoneInfo

import luigi

FOLDER = Path(os.environ["WATCHED_FOLDER"])


class WatchedDay(luigi.Task):
    """A file of the day."""

    date = luigi.DateParameter()

    def output(self) -> luigi.LocalTarget:
        return luigi.LocalTarget(str(FOLDER / f"{self.date}.done"))

    def run(self) -> None:
        print("WatchedDay is running")
        with (FOLDER / "runs").open("a") as runs:
            runs.write(f"{self.date} {os.getpid()}\n")
        while (FOLDER / "hold").exists():
            time.sleep(0.02)
        if (FOLDER / "fail").exists():
            raise ValueError("it was told to fail")
        Path(self.output().path).touch()


def monitored():
    """Return where the upload of a marker asks for a day's file."""
    # As the run's own process knows it, and not by its name among the pipelines.
    import watched_day

    from pipeline.core.watching import Monitored

    place = os.environ.get("WATCHED_PLACE") or str(FOLDER)
    return Monitored(watched_day.WatchedDay, place, "[watched] place", ZoneInfo("UTC"), clock(0, 0))


if __name__ == "__main__":
    import pipeline

    pipeline.__path__.append(str(Path(__file__).parent))
    from pipeline.cli import main

    sys.exit(main())
