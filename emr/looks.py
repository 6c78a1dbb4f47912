"""What is waited for on a cluster, and what was seen of it.

Times are those of time.monotonic, which is one clock for all processes of a host, and which nobody sets.
"""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from emr.api import OPEN, Step

TIMES = ("created_at", "started_at", "ended_at")


@dataclass(frozen=True)
class Waiter:
    """Who waits for the steps of a submission, in their order; when these were made, by the clock of the day."""

    step_ids: tuple[str, ...]
    made_at: float
    began: float


@dataclass(frozen=True)
class Seen:
    """A step as EMR last told of it, since when it has been so, and how often EMR was asked since and left it out."""

    step: Step | None
    since: float
    asked: float = 0
    left_out: int = 0

    @property
    def is_open(self) -> bool:
        return not self.step or self.step.state in OPEN

    @property
    def is_waiting(self) -> bool:
        return not self.left_out and (not self.step or self.step.state == "PENDING")

    def after(self, told: Step | None, now: float) -> Seen:
        """Return how it stands after an answer."""
        if told is None:
            return Seen(self.step, self.since if self.left_out else now, now, self.left_out + 1)
        is_same = self.step and self.step.state == told.state and not self.left_out
        return Seen(told, self.since if is_same else now, now)

    @classmethod
    def of(cls, values: dict[str, Any]) -> Seen:
        step = values["step"]
        if step:
            times = {name: datetime.fromisoformat(step[name]) for name in TIMES if step[name]}
            values = values | {"step": Step(**(step | times))}
        return cls(**values)


@dataclass(frozen=True)
class Look:
    """What was seen of all steps that are waited for, in the order in which they were made; and how the look went.

    spread makes the next one come a little earlier than it might. turn is the lock that was held. failures counts the
    looks, since a moment, that EMR did not answer.
    """

    number: int
    at: float
    spread: float
    turn: int = 0
    failures: int = 0
    failing_since: float = 0
    seen: dict[str, Seen] = field(default_factory=dict)

    def to_json(self) -> bytes:
        return json.dumps(dataclasses.asdict(self), default=datetime.isoformat).encode()

    @classmethod
    def from_json(cls, data: bytes) -> Look:
        values = json.loads(data)
        return cls(**(values | {"seen": {one: Seen.of(seen) for one, seen in values["seen"].items()}}))
