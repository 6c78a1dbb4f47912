"""Who has a day's run that the upload of a marker asked for: a file in the monitored place, which one can create.

The function on AWS that starts the runs keeps its claims in the same place and form.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields, replace
from datetime import date, datetime, timezone

from emr.lease import Lease, this_process
from pipeline.core.errors import CheckFailed
from pipeline.core.killed_runs import is_gone
from pipeline.core.markers import CLAIMS, claim_path
from pipeline.core.store import Store


@dataclass(frozen=True)
class Claim:
    """Which marker asked for a day's run, who runs it since when, and when it ended well."""

    day: str
    marker: str
    claimed_at: str
    claimed_by: str
    written_at: str = ""
    run: str = ""
    ended_at: str = ""

    def is_void(self) -> bool:
        """Say whether nobody runs the day any more, though it has not ended well."""
        if self.ended_at or (self.run and not is_gone(self.run)):
            return False
        # Who asks has no run: what it claimed itself is what it could not give back.
        return self.claimed_by == this_process() or is_gone(self.claimed_by)

    @property
    def owner(self) -> str:
        """Whose it is, in words."""
        # The function on AWS says it in one word.
        return str(Lease(self.claimed_by, "")) if self.claimed_by.count(" ") > 1 else self.claimed_by

    def to_json(self) -> bytes:
        return json.dumps(asdict(self), indent=1).encode() + b"\n"


@dataclass(frozen=True)
class Held:
    """A claim as it lies in the monitored place."""

    claim: Claim
    version: str


class Claims:
    """The claims of one pipeline's days."""

    def __init__(self, store: Store, name: str) -> None:
        self.store, self.name = store, name

    def url(self, day: date) -> str:
        """Return where the claim of a day lies for other programs."""
        return self.store.url(claim_path(self.name, day))

    def day_of(self, path: str) -> date | None:
        """Return the day whose claim lies at a path, or None where it is no claim of this pipeline."""
        if not path.startswith(f"{CLAIMS}/{self.name}/"):
            return None
        try:
            return date.fromisoformat(path.rpartition("/")[2].removesuffix(".json"))
        except ValueError:
            return None

    def read(self, day: date) -> Held | None:
        """Return the claim of a day. Raises CheckFailed if it cannot be understood."""
        found = self.store.read(claim_path(self.name, day))
        if found is None:
            return None
        try:
            said = json.loads(found.data)
            known = {field.name: str(said[field.name] or "") for field in fields(Claim) if field.name in said}
            return Held(Claim(**known), found.version)
        except (ValueError, TypeError) as error:
            raise CheckFailed(f"{self.url(day)} is no claim ({error}). Look who wrote it, and remove it.") from error

    def take(self, day: date, marker: str, written_at: datetime) -> Held | None:
        """Return this process's claim of a day, or None where another has one."""
        there = self.read(day)
        if there and not there.claim.is_void():
            return None
        claim = Claim(str(day), marker, now(), this_process(), written_at.isoformat())
        path, data = claim_path(self.name, day), claim.to_json()
        if there:
            self.store.replace(path, data, there.version)
        else:
            self.store.create(path, data)
        return self._if_there(claim)

    def note(self, held: Held, **changes: str) -> Held | None:
        """Return a claim of this process with more said in it, or None where it is this process's no more."""
        claim = replace(held.claim, **changes)
        self.store.replace(claim_path(self.name, date.fromisoformat(claim.day)), claim.to_json(), held.version)
        return self._if_there(claim)

    def give_back(self, held: Held) -> None:
        """Make the claim be gone, if it is still the same one."""
        if self._if_there(held.claim):
            self.store.delete([claim_path(self.name, date.fromisoformat(held.claim.day))])

    def _if_there(self, claim: Claim) -> Held | None:
        # What is said of a put whose reply was lost is that another was first, so what is there decides.
        there = self.read(date.fromisoformat(claim.day))
        return there if there and there.claim == claim else None


def now() -> str:
    """Return the moment, as claims say it."""
    return datetime.now(timezone.utc).isoformat()
