"""Steps of a cluster are looked at once for all processes of a host that wait for them."""

from __future__ import annotations

import copy
import dataclasses
import logging
import random
import time

from botocore.exceptions import BotoCoreError, ClientError

from emr.answers import LONGEST_WAIT_SECONDS, is_passing
from emr.api import Emr
from emr.board import TURNS, Board
from emr.looks import Look, Seen, Waiter

log = logging.getLogger(__name__)
FIRST_SECONDS = 1.0
# A step is seen to have ended within a twentieth of the time that it took.
SHARE = 0.05
SPREAD = (0.7, 1.0)
# A cluster runs its steps in the order in which they were made: so many that wait can begin before the next look.
NEXT = 2
# Who was to look, and was not heard of for so long, is not waited for.
FROZEN_SECONDS = 30.0


class Poller:
    """Sees the steps that one waiter waits for: by a look of its own when one is due, or by another's."""

    def __init__(self, emr: Emr, cluster_id: str, board: Board, waiter: Waiter, longest_seconds: float) -> None:
        # It has other things to do while EMR does not answer.
        self.emr = copy.copy(emr)
        self.emr.patience_seconds = 0
        self.patience_seconds = emr.patience_seconds
        self.cluster_id, self.board, self.waiter, self.longest_seconds = cluster_id, board, waiter, longest_seconds

    def seen(self) -> list[Seen]:
        """Return the waiter's steps as they were last seen. Raises what EMR says if that does not pass."""
        look = self._look()
        unseen = Seen(None, self.waiter.began)
        return [look.seen.get(one, unseen) if look else unseen for one in self.waiter.step_ids]

    def wait_seconds(self) -> float:
        """Return how long it is until the next look is due, by anyone."""
        return self._due(self._last()) - time.monotonic()

    def _look(self) -> Look | None:
        last = self._last()
        late_seconds = time.monotonic() - max(self._due(last), self.waiter.began)
        if late_seconds < 0:
            return last
        turn = ((last.turn if last else 0) + int(late_seconds / FROZEN_SECONDS)) % TURNS
        with self.board.turn(turn) as is_mine:
            if is_mine and self._last() == last:
                look = self._ask(last, turn)
                # This process may have been frozen meanwhile.
                if self._last() == last:
                    self.board.publish(look)
        return self._last()

    def _last(self) -> Look | None:
        look = self.board.look()
        # Clocks begin anew when a machine does.
        return look if look and look.at <= time.monotonic() else None

    def _due(self, last: Look | None) -> float:
        """Return when to look again. Whoever came after the last look finds what that did not see."""
        if last is None or self._is_patience_over(last):
            return self.waiter.began
        unseen = {one: Seen(None, self.waiter.began) for one in self.waiter.step_ids if one not in last.seen}
        return last.at + last.spread * _pause(last, last.seen | unseen, self.longest_seconds)

    def _is_patience_over(self, last: Look) -> bool:
        return bool(last.failures) and last.at - max(last.failing_since, self.waiter.began) > self.patience_seconds

    def _ask(self, last: Look | None, turn: int) -> Look:
        """Return what EMR tells now of the steps that matter most, and what was seen of the others before."""
        seen = self._waited_for(last.seen if last else {})
        look = Look(last.number + 1 if last else 1, 0, random.uniform(*SPREAD), turn)  # noqa: S311 - no secret
        try:
            self._ask_for(seen)
        except (ClientError, BotoCoreError) as error:
            if not is_passing(error) or (last and self._is_patience_over(last)):
                raise
            look = _failed(look, last)
            if look.failures == 1:
                log.warning("EMR tells nothing of the steps on %s now (%s); it is asked again.", self.cluster_id, error)
        return dataclasses.replace(look, at=time.monotonic(), seen=seen)

    def _ask_for(self, seen: dict[str, Seen]) -> None:
        """Ask for some of the steps; and for more, where it turns out that these are not those that matter now."""
        asked: set[str] = set()
        while ids := _window(seen, asked, self.emr.most_ids):
            told = {step.id: step for step in self.emr.steps(self.cluster_id, ids)}
            now = time.monotonic()
            seen.update((one, seen[one].after(told.get(one), now)) for one in ids)
            asked.update(ids)

    def _waited_for(self, known: dict[str, Seen]) -> dict[str, Seen]:
        """Return all steps that somebody waits for, in the order in which they were made."""

        def made_at(waiter: Waiter) -> float:
            first = known.get(waiter.step_ids[0])
            step = first.step if first else None
            return step.created_at.timestamp() if step and step.created_at else waiter.made_at

        waiters = sorted({*self.board.waiters(), self.waiter}, key=made_at)
        return {one: known.get(one) or Seen(None, waiter.began) for waiter in waiters for one in waiter.step_ids}


def _telling(seen: dict[str, Seen]) -> list[str]:
    """Return the steps that show how far a cluster is: those that run, or are missed, and those that come next."""
    begun = [one for one, step in seen.items() if step.is_open and not step.is_waiting]
    return begun + [one for one, step in seen.items() if step.is_waiting][:NEXT]


def _window(seen: dict[str, Seen], asked: set[str], most: int) -> list[str]:
    """Return as many steps as one question may have: the telling ones, and others in turn; none if it tells no more.

    So it is seen in the end when steps far behind are cancelled, and with the first few when a cluster has died.
    """
    # Those that were never asked for may be further, and of them it is not yet known when they were made.
    new = [one for one in seen if not seen[one].asked]
    telling = [one for one in dict.fromkeys(_telling(seen) + new) if one not in asked]
    others = {one: seen[one].asked for one in seen if seen[one].is_open and one not in asked and one not in telling}
    return (telling + sorted(others, key=others.__getitem__))[:most] if telling else []


def _pause(last: Look, seen: dict[str, Seen], longest_seconds: float) -> float:
    """Return how long to wait for the next look: longer, the longer what tells most has been as it is."""
    if last.failures:
        return min(2.0 ** min(last.failures, 10), LONGEST_WAIT_SECONDS)
    changed_at = max((seen[one].since for one in _telling(seen)), default=last.at)
    return min(max(SHARE * (last.at - changed_at), FIRST_SECONDS), longest_seconds)


def _failed(look: Look, last: Look | None) -> Look:
    """Return a look that EMR did not answer."""
    if last and last.failures:
        return dataclasses.replace(look, failures=last.failures + 1, failing_since=last.failing_since)
    return dataclasses.replace(look, failures=1, failing_since=time.monotonic())
