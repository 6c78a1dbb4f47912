"""What goes wrong in the twin of Redshift, when a test has asked for it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from redshift_session import Session
from redshift_wire import Gone, Refused

# What stands for the start of a connection where a statement is named.
CONNECT = "CONNECT"


@dataclass
class Fault:
    """What becomes of the statements that hold a text.

    They fail, or lose the connection (cut; `at` bytes of the answer arrive before), or are held up until they are
    released (hold), or lose the connection and are executed for all that, once they are released (orphan). The first
    `skip` are left alone, and then as many meet it as `times` says.
    """

    kind: str
    part: str
    before: bool = True
    times: int = 1
    skip: int = 0
    at: int = 0
    error: dict[str, str] = field(default_factory=dict)
    is_met: bool = False


class Faults:
    """The statements that were executed, in order, and the faults that are to meet the next ones."""

    def __init__(self) -> None:
        self.statements: list[str] = []
        self.faults: list[Fault] = []
        self.held: list[threading.Event] = []
        self.lock = threading.Lock()

    def add(self, **about: Any) -> None:
        with self.lock:
            self.faults.append(Fault(**about))

    def unmet(self) -> list[str]:
        return [f"{fault.kind} {fault.part}" for fault in self.faults if not fault.is_met]

    def around(self, sql: str, execute: Callable[[], bytes], session: Session | None = None) -> bytes:
        """Return the answer to a statement. Raises Refused or Gone where a fault meets it."""
        fault = self._meet(sql)
        if fault and fault.before:
            self._strike(fault, session)
        answer = execute()
        if fault and not fault.before:
            self._strike(fault, session, answer)
        return answer

    def release(self) -> None:
        """Let go of all statements that are held up."""
        while self.held:
            self.held.pop().set()

    def _meet(self, sql: str) -> Fault | None:
        with self.lock:
            if sql != CONNECT:
                self.statements.append(sql)
            for fault in self.faults:
                if fault.part not in sql or (sql == CONNECT) != (fault.part == CONNECT) or not fault.times:
                    continue
                if fault.skip:
                    fault.skip -= 1
                    continue
                fault.times -= 1
                fault.is_met = True
                return fault
        return None

    def _strike(self, fault: Fault, session: Session | None, answer: bytes = b"") -> None:
        if fault.kind == "fail":
            raise Refused(**fault.error)
        if fault.kind == "cut":
            raise Gone(answer[: fault.at], is_reset=fault.before)
        if fault.kind == "orphan" and session:
            session.hang_up()
        released = threading.Event()
        self.held.append(released)
        while not released.wait(0.02) and not (session and session.is_terminated):
            pass
