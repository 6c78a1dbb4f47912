"""Looks in a monitored place for markers, and says which day is to be run."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, datetime, time, timezone
from pathlib import Path
from zoneinfo import ZoneInfo

import luigi

from pipeline.core import config
from pipeline.core.claims import Claims, Held
from pipeline.core.errors import CheckFailed, SourceUnavailable, one_line
from pipeline.core.markers import day_of, is_marker, last_ended
from pipeline.core.store import Listed, open_store


@dataclass(frozen=True)
class Monitored:
    """A place where the upload of a marker asks for a day's run of a task; a day ends when it closes."""

    task: type[luigi.Task]
    place: str
    setting: str
    zone: ZoneInfo
    closes: time


@dataclass(frozen=True)
class Marker:
    """A marker, the day that it stands for, and when it was put."""

    path: str
    day: date
    written_at: datetime


@dataclass(frozen=True)
class Due:
    """A day that is to be run, by whom, and what asked for it."""

    marker: Marker
    held: Held


class Watcher:
    """What one process knows of a monitored place: the markers that it has answered, and is not to answer again."""

    def __init__(self, name: str, monitored: Monitored, tell: Callable[[Marker, str], None]) -> None:
        self.monitored, self.tell = monitored, tell
        self.store = open_store(monitored.place, monitored.setting)
        self.claims = Claims(self.store, name)
        self._answered: dict[str, datetime] = {}
        self._told: set[tuple[str, str]] = set()
        # Whether the last look found a claim that cannot be read.
        self.is_unsure = False

    def next_due(self) -> Due | None:
        """Return the first day that is to be run, claimed; tell of each marker that asks for none why not."""
        listed = self._listed()
        claimed = {day for one in listed if (day := self.claims.day_of(one.path))}
        latest = max(claimed, default=date.min)
        self.is_unsure = False
        for marker in sorted(self._markers(listed), key=lambda one: (one.day, one.written_at)):
            try:
                held = self._held(marker, latest)
            except CheckFailed as error:
                self.is_unsure = True
                self._tell_once(marker, f"is left alone: {one_line(error)}")
            else:
                if held:
                    return Due(marker, held)
        return None

    def _held(self, marker: Marker, latest: date) -> Held | None:
        """Return the claim of a marker's day, which is to be run then; else say why not."""
        if marker.day < latest:
            is_done = (there := self.claims.read(marker.day)) and there.claim.ended_at
            self._pass_over(marker, "" if is_done else f"{latest}, which is later, has been claimed")
        elif self._is_too_early(marker):
            closes = f"{self.monitored.closes:%H:%M} in {self.monitored.zone}"
            self._pass_over(marker, f"{marker.day} had not ended when it was written: a day ends at {closes}")
        elif held := self.claims.take(marker.day, marker.path, marker.written_at):
            return held
        else:
            self._see_claimed(marker)
        return None

    def answer(self, marker: Marker) -> None:
        """Have a marker be answered, until it is put again."""
        self._answered[marker.path] = marker.written_at

    def _listed(self) -> list[Listed]:
        place = self.monitored.place
        if "://" not in place and not Path(place).is_dir():
            raise SourceUnavailable(f"{place} is not there. Make that folder, or look at {self.monitored.setting}.")
        return list(self.store.list(""))

    def _markers(self, listed: Iterable[Listed]) -> Iterable[Marker]:
        """Yield the markers that have not been answered yet."""
        for one in listed:
            if not is_marker(one.path) or self._answered.get(one.path) == one.modified:
                continue
            day = day_of(one.path, one.modified, self.monitored.zone, self.monitored.closes)
            if day:
                yield Marker(one.path, day, one.modified)
            else:
                self._pass_over(Marker(one.path, date.min, one.modified), "it names a day that no calendar has")

    def _is_too_early(self, marker: Marker) -> bool:
        written_at = min(marker.written_at, datetime.now(timezone.utc))
        ended = last_ended(written_at, self.monitored.zone, self.monitored.closes)
        return marker.day > ended and not config.lake().allow_unfinished

    def _see_claimed(self, marker: Marker) -> None:
        there = self.claims.read(marker.day)
        if there is None:
            # It was given back just now, and is there to be taken at the next look.
            return
        claim = there.claim
        if not claim.ended_at:
            waits = f"waits: {claim.day} was claimed by {claim.owner} at {claim.claimed_at}."
            gone = f"If that is gone for good, remove {self.claims.url(marker.day)}"
            self._tell_once(marker, f"{waits} {gone}")
        elif (claim.marker, claim.written_at) == (marker.path, marker.written_at.isoformat()):
            self.answer(marker)
        else:
            task = self.monitored.task
            again = f"lakeshift rerun {task.__module__}.{task.__name__} --date {marker.day}"
            self._pass_over(marker, f"{marker.day} was run, as {claim.marker} asked. To run it again: {again}")

    def _tell_once(self, marker: Marker, what: str) -> None:
        told = (marker.path, what)
        if told not in self._told:
            self._told.add(told)
            self.tell(marker, what)

    def _pass_over(self, marker: Marker, why: str) -> None:
        self.answer(marker)
        if why:
            self.tell(marker, f"is ignored: {why}")
