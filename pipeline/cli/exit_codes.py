"""With which code a `lakeshift` command ends; docs/operations.md has the same table."""

from __future__ import annotations

import signal
from enum import IntEnum


class ExitCode(IntEnum):
    """How a command ended, so that cron can tell what was found from what failed."""

    DONE = 0
    FAILED = 1
    MISUSED = 2
    FOUND = 3


MEANINGS = {
    ExitCode.DONE: "done, or nothing to do",
    ExitCode.FAILED: "failed: one line on standard error says why",
    ExitCode.MISUSED: "a word or an option that the command does not know",
    ExitCode.FOUND: "something was found that wants to be looked at",
    128 + signal.SIGHUP: "stopped by SIGHUP",
    128 + signal.SIGINT: "stopped by SIGINT",
    128 + signal.SIGTERM: "stopped by SIGTERM",
}


def of_signal(number: int) -> int:
    """Return the exit code of what a signal ended, as shells have it."""
    return 128 + number
