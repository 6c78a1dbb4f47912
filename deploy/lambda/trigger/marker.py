"""What becomes of a marker: its day is claimed and its run started, or a line says why not."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timezone
from zoneinfo import ZoneInfo

from botocore.exceptions import ClientError

from trigger.claims import FUNCTION, Claim, Claims
from trigger.markers import day_of, is_marker, last_ended
from trigger.runs import DONE, RUNNING, Ended, NotStarted, Runs

# Longer than the function may take: who has claimed a day for so long and has no run yet is gone.
GONE_SECONDS = 45
# A claim may be given back, and made anew, while it is looked at.
LOOKS = 3


class Busy(Exception):
    """Another is at the same day this moment; how that ends is seen by who looks again."""


@dataclass(frozen=True)
class Marker:
    """An object that was put, and when."""

    bucket: str
    key: str
    written_at: datetime

    @property
    def place(self) -> str:
        return f"s3://{self.bucket}/{self.key}"


class Markers:
    """Answers markers, each day's first by a run."""

    def __init__(self, claims: Claims, runs: Runs, zone: ZoneInfo, closes: time) -> None:
        self.claims, self.runs, self.zone, self.closes = claims, runs, zone, closes

    def answer(self, marker: Marker, who: str) -> str:
        """Return what came of a marker. Raises what has to be tried again."""
        if marker.bucket != self.claims.bucket or not is_marker(marker.key):
            return "ignored, it is no marker of the monitored bucket"
        day = day_of(marker.key, marker.written_at, self.zone, self.closes)
        now = datetime.now(timezone.utc)
        refusal = self._refusal(day, now) if day else "it names no day of the calendar"
        if refusal:
            return f"ignored, {refusal}"
        return self._claim(Claim(str(day), marker.place, now.isoformat(), who))

    def _refusal(self, day: date, now: datetime) -> str:
        if day > last_ended(now, self.zone, self.closes):
            return f"{day} has not ended: it does at {self.closes:%H:%M} in {self.zone}"
        later = self.claims.later(str(day))
        return f"a later day than {day} has its run already: {later}" if later else ""

    def _claim(self, mine: Claim) -> str:
        for _ in range(LOOKS):
            version = self.claims.create(mine)
            if version:
                return self._start(mine, version)
            found = self.claims.read(mine.day)
            if found:
                return self._look(mine, *found)
        raise Busy(f"the claim of {mine.day} came and went {LOOKS} times")

    def _look(self, mine: Claim, theirs: Claim, version: str) -> str:
        """Return what came of a marker whose day has a claim: its run is looked at, and replaced if it failed."""
        if theirs.ended_at:
            return f"ignored, the run of {mine.day} is done: {theirs.run}"
        if not (self.runs.is_one(theirs.run) if theirs.run else theirs.claimed_by.startswith(FUNCTION)):
            gone = f"If that is gone for good, remove {self.claims.url(mine.day)}"
            return f"ignored, {mine.day} is claimed by {theirs.claimed_by} ({theirs.run or 'no run'}). {gone}"
        if not theirs.run:
            return self._mend(mine, theirs, version)
        state = self.runs.state(theirs.run)
        if state == DONE:
            # While that is known: whoever runs it forgets it some day.
            self._note_end((theirs, version), theirs.run)
        if state in (RUNNING, DONE):
            return f"ignored, the run of {mine.day} is {state}: {theirs.run}"
        return self._take_over(mine, version, f"{theirs.run} has {state}")

    def _mend(self, mine: Claim, theirs: Claim, version: str) -> str:
        """Go on with a claim that names no run: whoever made it is at it, or was killed before or after the call."""
        if theirs.age_seconds(datetime.now(timezone.utc)) < GONE_SECONDS:
            raise Busy(f"{theirs.claimed_by} claimed {mine.day} a moment ago, and has not said yet what came of it")
        run = self.runs.resume(theirs.day, theirs.token, datetime.fromisoformat(theirs.claimed_at))
        if not run:
            return self._take_over(mine, version, f"{theirs.claimed_by} started nothing")
        found = theirs.of_run(run)
        noted = self.claims.replace(found, version)
        return self._look(mine, found, noted) if noted else f"ignored, another looks after {mine.day}"

    def _take_over(self, mine: Claim, version: str, why: str) -> str:
        taken = self.claims.replace(mine, version)
        return f"{self._start(mine, taken)}, since {why}" if taken else f"ignored, another took {mine.day} over"

    def _start(self, mine: Claim, version: str) -> str:
        try:
            run = self.runs.start(mine.day, mine.token)
        except (NotStarted, ClientError) as error:
            if _is_refusal(error):
                self.claims.give_back(mine.day, version)
            # Else nobody knows: the claim stays, and who comes by looks for a run of its name.
            raise
        # If the run ended by now, its end has given the claim back, or noted itself in it, which is right.
        noted = self.claims.replace(mine.of_run(run), version)
        return f"started the run of {mine.day}: {run}" + ("" if noted else ", which has ended by now")

    def end(self, ended: Ended) -> str:
        """Return what came of the claim of a run that has ended: it says so for ever, or the day is free again."""
        day = str(date.fromisoformat(ended.name[: len("2017-11-10")]))
        for _ in range(LOOKS):
            found = self.claims.read(day)
            # It may have ended before its id was written down.
            if not found or (found[0].run or found[0].token) not in (ended.run, ended.name):
                return f"{day} is not claimed by it"
            if ended.state != DONE and self.claims.give_back(day, found[1]):
                return f"{day} is free for its next marker"
            if ended.state == DONE and self._note_end(found, ended.run):
                return f"{day} is not run again"
        raise Busy(f"the claim of {day} was another {LOOKS} times")

    def _note_end(self, found: tuple[Claim, str], run: str) -> str | None:
        claim, version = found
        return self.claims.replace(claim.of_end(run, datetime.now(timezone.utc)), version)


def _is_refusal(error: Exception) -> bool:
    status = error.response["ResponseMetadata"]["HTTPStatusCode"] if isinstance(error, ClientError) else 400
    return 400 <= status < 500
