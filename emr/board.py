"""What the processes of a host that wait for one cluster leave for each other, in a folder of their user's."""

from __future__ import annotations

import dataclasses
import fcntl
import json
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import TextIO

from tenacity import retry, retry_if_exception_type, stop_after_attempt

from emr.looks import Look, Waiter

# Whoever looks holds the lock of a turn. There are several, as one may be held by a process that is frozen.
TURNS = 4
LOOK, WAITING = "look.json", "waiting"


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
                self.leave()

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

    def open_steps(self) -> int:
        """Return how many steps are waited for that have not ended."""
        look = self.look()
        ended = {one for one, seen in look.seen.items() if not seen.is_open} if look else set()
        return len({one for waiter in self.waiters() for one in waiter.step_ids} - ended)

    @contextmanager
    def turn(self, name: int | str) -> Iterator[bool]:
        """Yield whether it is this process's turn; if so no other has that turn until the block ends."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with self._turn(name).open("ab") as file:
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

    def be_heard(self, name: str) -> None:
        """Have the others know that who has a turn is at it."""
        with suppress(FileNotFoundError):
            self._turn(name).touch()

    def silent_seconds(self, name: str) -> float:
        """Return how long nothing was heard of whoever has a turn."""
        try:
            return time.time() - self._turn(name).stat().st_mtime
        except FileNotFoundError:
            return 0

    def leave(self) -> None:
        """Remove the folder if nobody waits any more. Who comes just now loses no more than a look."""
        with suppress(OSError):
            with suppress(FileNotFoundError):
                (self.folder / WAITING).rmdir()
            for path in self.folder.iterdir():
                path.unlink()
            self.folder.rmdir()

    def _turn(self, name: int | str) -> Path:
        return self.folder / f"turn.{name}"

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
