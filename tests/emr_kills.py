"""Processes that die at a moment of a submission."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Callable
from typing import Any

from emr.ledger import Entry

FORK = multiprocessing.get_context("fork")


def process_of(work: Callable[[], Any]) -> Any:
    """Return a process that does some work."""
    process = FORK.Process(target=work)
    process.start()
    return process


def deadly(kind: type, name: str, is_moment: Callable[..., bool], after: bool = False) -> None:
    """Have a method kill its process before or after it does its work, when it is called at a moment."""
    method = getattr(kind, name)

    def dying(self: Any, *arguments: Any, **named: Any) -> Any:
        is_now = is_moment(*arguments)
        if is_now and not after:
            os.kill(os.getpid(), signal.SIGKILL)
        done = method(self, *arguments, **named)
        if is_now:
            os.kill(os.getpid(), signal.SIGKILL)
        return done

    setattr(kind, name, dying)


def is_written_as(state: str) -> Callable[[str, Entry, Any], bool]:
    return lambda key, entry, over: entry.state == state


def whenever(*arguments: Any) -> bool:
    return True
