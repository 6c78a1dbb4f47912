"""What the processes of a host that wait for steps of one cluster leave for each other, in a folder of their user's.

Times are those of time.monotonic, which is one clock for all processes of a host, and which nobody sets.
"""

from __future__ import annotations

import dataclasses
import fcntl
import json
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, TextIO

from tenacity import retry, retry_if_exception_type, stop_after_attempt

from emr.api import OPEN, Step

# Whoever looks holds the lock of a turn. There are several, as one may be held by a process that is frozen.
TURNS = 4
LOOK, WAITING = "look.json", "waiting"
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


class Board:
    """The folder of one cluster."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.last: tuple[object, Look | None] = (None, None)

    @contextmanager
    def waiting(self, waiter: Waiter) -> Iterator[Callable[[], None]]:
        """Have the others know of a waiter, for as long as it lives at most; what is yielded makes it so again."""
        path = self.folder / WAITING / uuid.uuid4().hex
        with ExitStack() as notes:

            def note() -> None:
                if not path.exists():
                    notes.enter_context(self._note(path, waiter))

            note()
            try:
                yield note
            finally:
                path.unlink(missing_ok=True)
                self._leave()

    def waiters(self) -> list[Waiter]:
        """Return those that live; of others nothing is left."""
        found = [_read_note(path) for path in sorted((self.folder / WAITING).glob("*"))]
        return [waiter for waiter in found if waiter]

    def look(self) -> Look | None:
        """Return the last look, or None if there was none that can be read."""
        try:
            told = (self.folder / LOOK).stat()
            version = (told.st_ino, told.st_mtime_ns, told.st_size)
            if version != self.last[0]:
                self.last = version, Look.from_json((self.folder / LOOK).read_bytes())
        # Of another version of this module, or cut off as the machine stopped.
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            self.last = None, None
        return self.last[1]

    def publish(self, look: Look) -> None:
        """Have the others see a look. Only who has the turn may."""
        draft = self.folder / f"{LOOK}.{look.turn}"
        draft.write_bytes(look.to_json())
        draft.replace(self.folder / LOOK)

    @contextmanager
    def turn(self, number: int) -> Iterator[bool]:
        """Yield whether it is this process's turn to look; if so no other has that turn until the block ends."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with (self.folder / f"turn.{number}").open("ab") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield False
                return
            try:
                yield True
            finally:
                # By name, since a child forked meanwhile has the open file too and would keep the lock.
                fcntl.flock(file, fcntl.LOCK_UN)

    # Whoever leaves last removes the folders, perhaps just as the next one comes.
    @retry(retry=retry_if_exception_type(FileNotFoundError), stop=stop_after_attempt(10), reraise=True)
    def _note(self, path: Path, waiter: Waiter) -> TextIO:
        """Return the open file of a note, whose lock says that its process lives."""
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft = self.folder / path.name
        with ExitStack() as opened:
            file = opened.enter_context(draft.open("w", encoding="utf-8"))
            fcntl.flock(file, fcntl.LOCK_EX)
            file.write(json.dumps(dataclasses.asdict(waiter)))
            file.flush()
            draft.rename(path)
            opened.pop_all()
        return file

    def _leave(self) -> None:
        """Remove the folder if nobody waits any more. Who comes just now loses no more than a look."""
        with suppress(OSError):
            (self.folder / WAITING).rmdir()
            for path in self.folder.iterdir():
                path.unlink()
            self.folder.rmdir()


def _read_note(path: Path) -> Waiter | None:
    """Return who left a note, or None if that one is gone; then the note is, too."""
    with suppress(FileNotFoundError, ValueError, KeyError, TypeError), path.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            values = json.loads(file.read())
            return Waiter(**(values | {"step_ids": tuple(values["step_ids"])}))
        path.unlink()
    return None
