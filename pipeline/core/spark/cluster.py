"""What a session gets of a Spark master: executors, none for a while, or its end."""

from __future__ import annotations

import contextlib
import re
import threading
import time
from typing import Any

from pyspark import SparkContext, __version__

from pipeline.core.kinds import is_standalone
from pipeline.core.spark.master import WAIT_SETTING, not_taken

LOOK_SECONDS = 1.0
UNSHARED = re.compile(r"FileNotFoundException|rows, wrote")


class Cluster:
    """The workers behind a session; where the master is this machine's threads, they are always there."""

    def __init__(self, context: SparkContext) -> None:
        self._spark: Any = context._jsc.sc()
        self.master = str(context.master)
        self.memory = context.getConf().get("spark.executor.memory")
        self.wait_seconds = int(context.getConf().get(WAIT_SETTING) or 0)
        self.had_executor = False
        self.looks_without = 0
        if is_standalone(self.master):
            threading.Thread(target=self._count, daemon=True).start()

    def _count(self) -> None:
        # Looks are counted and not the time: a process that was suspended has waited for nobody.
        while True:
            # The driver is among them.
            if self._spark.getExecutorMemoryStatus().size() > 1:
                self.had_executor, self.looks_without = True, 0
            else:
                self.looks_without += 1
            time.sleep(LOOK_SECONDS)

    def shortage(self) -> str:
        """Return what is to be said once jobs have waited for an executor for too long, until then nothing."""
        seconds = round(self.looks_without * LOOK_SECONDS)
        if seconds <= self.wait_seconds:
            return ""
        return (
            f"the Spark master at {self.master} gave no executor of {self.memory} for {seconds} s. Its workers are"
            " away, too small, or taken by others: look at its page, or at [jobs] executor_memory, cores, wait_seconds"
        )

    def is_lost(self) -> bool:
        """Return whether the master has ended the application, so that it takes another driver to go on."""
        return self.had_executor and self._is_stopped()

    def explain(self, cause: str) -> str:
        """Return why a job failed, with the master's part in it."""
        if not is_standalone(self.master):
            return cause
        if self._is_stopped():
            return self._ending()
        if UNSHARED.search(cause):
            return f"{cause.rstrip('.')}. All workers of {self.master} have to see the same files there"
        return cause

    def _is_stopped(self) -> bool:
        with contextlib.suppress(Exception):
            return self._spark.isStopped()
        return False

    def _ending(self) -> str:
        if self.had_executor:
            return (
                f"the Spark master at {self.master} ended the application: somebody did, or its executors failed."
                " Look at its page, and run it again"
            )
        return not_taken(self.master, __version__)
