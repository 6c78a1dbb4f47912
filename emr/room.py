"""A cluster may take no more steps for a while: those of a host that have some to send try one after the other."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from emr.api import MOST_OPEN
from emr.board import TURNS, Board

# Who is to try, and was not heard of for so long, is not waited for.
FROZEN_SECONDS = 30.0
# So many times as long as at first is the longest pause.
LONGEST = 6


class Line:
    """Those that a cluster refused; whoever is the first of them stays it until its steps are taken."""

    def __init__(self, board: Board, held: ExitStack) -> None:
        self.board, self.held = board, held
        self.place = ""
        self.refusals, self.steps, self.open_steps, self.again_at = 0, 0, 0, 0.0

    def note_refusal(self, steps: int, again_seconds: tuple[float, float]) -> None:
        """Have so many steps tried again when one of this host's has ended, or after a pause that grows longer."""
        self.steps = steps
        self.refusals = min(self.refusals + 1, LONGEST)
        self.open_steps = self.board.open_steps()
        pause_seconds = self.refusals * random.uniform(*again_seconds)  # noqa: S311 - no secret
        self.again_at = time.monotonic() + pause_seconds

    def may_try(self) -> bool:
        """Say whether it is time to try, and this one's turn; to be asked about every second."""
        if self.place:
            self.board.be_heard(self.place)
        else:
            self._come_first()
        return bool(self.place) and self._is_time(self.board.open_steps())

    def _is_time(self, open_steps: int) -> bool:
        # Only where others fill the cluster it can have room before a step of this host's ends.
        has_room = time.monotonic() >= self.again_at and open_steps + self.steps <= MOST_OPEN
        return has_room or open_steps < self.open_steps

    def _come_first(self) -> None:
        """Be the first if nobody is, or nothing is heard of who is."""
        for name in (f"room.{number}" for number in range(TURNS)):
            with ExitStack() as taken:
                if taken.enter_context(self.board.turn(name)):
                    self.place = name
                    self.board.be_heard(name)
                    self.held.push(taken.pop_all())
                    return
            if self.board.silent_seconds(name) < FROZEN_SECONDS:
                return


@contextmanager
def line(board: Board) -> Iterator[Line]:
    """Yield a line for the time until some steps are taken."""
    with ExitStack() as held:
        held.callback(board.leave)
        yield Line(board, held)
