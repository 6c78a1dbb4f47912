"""What a signal does to a run: it is ended, and what it has elsewhere with it."""

from __future__ import annotations

import logging
import os
import signal
import threading
from types import FrameType
from typing import Any, ClassVar

log = logging.getLogger(__name__)
# SIGHUP is that of a terminal, or of a connection to it, that was closed.
ENDING = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


class Stopped(KeyboardInterrupt):
    """A signal ended the run; Luigi lets a KeyboardInterrupt through where it would count an error as a failure."""

    def __init__(self, number: int) -> None:
        super().__init__(f"stopped by {signal.Signals(number).name}")
        self.exit_code = 128 + number


class Signals:
    """The handlers of a run's process, and of those that it forks."""

    # What was raised last, until the handlers are given back.
    raised: ClassVar[Stopped | None] = None

    def __init__(self) -> None:
        self._pid = os.getpid()
        self._before: dict[signal.Signals, Any] = {}

    def take(self) -> None:
        """Have each signal that ends a run raise Stopped in it."""
        if threading.current_thread() is not threading.main_thread():
            return
        for number in ENDING:
            # With nohup a run is to outlive its terminal.
            if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:
                self._before[number] = signal.signal(number, self._stop)

    def put_off(self) -> None:
        """Have only the second signal from now on end the run: it is at its end already."""
        for number in self._before:
            signal.signal(number, self._stop_again)

    def give_back(self) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler or signal.SIG_DFL)
        Signals.raised = None

    @classmethod
    def raise_again(cls) -> None:
        """Raise what a signal raised where Python lets nothing out: while it forks, or frees an object."""
        if cls.raised:
            raise cls.raised

    def _stop(self, number: int, frame: FrameType | None) -> None:
        if os.getpid() == self._pid:
            Signals.raised = Stopped(number)
            raise Signals.raised
        # A task's own process: its attempt is left as it is, and whoever holds a connection to it sees it go.
        os._exit(128 + number)

    def _stop_again(self, number: int, frame: FrameType | None) -> None:
        """Go on with the end of the run, in which what it has elsewhere is ended; the next signal ends that too."""
        name = signal.Signals(number).name
        log.warning("%s: the run is ending already what it has elsewhere. Once more, and that is left running.", name)
        signal.signal(number, self._stop)
