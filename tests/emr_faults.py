"""What goes wrong in the twin of EMR, when a test has asked for it."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Fault:
    """What becomes of the calls of an action, or of the steps whose name holds a text.

    Calls are throttled, cut (`before` they are carried out, or after) or held up until they are released. Steps fail,
    are stalled (`before` they run, or after) until they are released, or are lost. The first `skip` are left alone,
    and then as many meet it as `times` says.
    """

    kind: str
    part: str
    before: bool = True
    times: int = 1
    skip: int = 0
    about: dict[str, Any] = field(default_factory=dict)
    is_met: bool = False


class Faults:
    """The calls that came, in order, and the faults that are to meet the next ones."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.faults: list[Fault] = []
        self.held: list[threading.Event] = []
        self.lock = threading.Lock()

    def forget(self) -> None:
        """Let go of what the last test asked for."""
        self.release()
        self.calls, self.faults = [], []

    def add(self, **about: Any) -> None:
        with self.lock:
            self.faults.append(Fault(**about))

    def unmet(self) -> list[str]:
        return [f"{fault.kind} {fault.part}" for fault in self.faults if not fault.is_met]

    def meet(self, text: str, *kinds: str) -> Fault | None:
        """Return the fault of some kinds that something meets which has a name, if there is one."""
        with self.lock:
            for fault in self.faults:
                if fault.kind not in kinds or fault.part not in text or not fault.times:
                    continue
                if fault.skip:
                    fault.skip -= 1
                    continue
                fault.times -= 1
                fault.is_met = True
                return fault
        return None

    def hold(self) -> threading.Event:
        """Return what is set when all that is held up is released."""
        released = threading.Event()
        self.held.append(released)
        return released

    def release(self) -> None:
        """Let go of all that is held up."""
        while self.held:
            self.held.pop().set()
