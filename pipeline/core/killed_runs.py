"""Notes of the runs of this host that have not ended, so that the next one tells of those that were killed."""

from __future__ import annotations

import json
import logging
import uuid
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from pathlib import Path

from emr.lease import Lease, this_process
from pipeline.core.asked import Asked
from pipeline.core.errors import one_line

log = logging.getLogger(__name__)
# The name, the start, the PID namespace and the machine-id of a host.
PARTS = 4
# Linux gives this one to the namespace that is no container's, at each start.
OF_THE_HOST = "effffffc"


@dataclass(frozen=True)
class Note:
    """What a run was to do, who does it, and since when."""

    asked: Asked
    owner: str
    began_at: str

    @classmethod
    def from_json(cls, text: str) -> Note:
        """Raises ValueError, KeyError or TypeError if it is no note."""
        told = json.loads(text)
        return cls(Asked(**told["asked"]), told["owner"], told["began_at"])


def begin(folder: Path, asked: Asked) -> Path | None:
    """Return the note of a run that begins, or None where none can be written."""
    now = datetime.now(timezone.utc).isoformat(timespec="seconds")
    return _put(folder, Note(asked, this_process(), now))


def end(path: Path | None) -> None:
    """Make the note of a run be gone."""
    if path:
        with suppress(OSError):
            path.unlink(missing_ok=True)


def killed(folder: Path) -> Iterator[Note]:
    """Yield the notes of runs whose process is gone, each once, whoever else asks."""
    for path in sorted(folder.glob("*.json")):
        with suppress(OSError, ValueError, KeyError, TypeError):
            note = Note.from_json(path.read_text(encoding="utf-8"))
            if is_gone(note.owner):
                # Of two that ask at once, one finds it gone.
                path.unlink()
                yield note


def put_back(folder: Path, note: Note) -> None:
    """Leave a note for the next run that asks."""
    _put(folder, note)


def _put(folder: Path, note: Note) -> Path | None:
    path = folder / f"{uuid.uuid4().hex}.json"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(asdict(note)), encoding="utf-8")
    except OSError as error:
        end(path)
        log.warning("If this run is killed, nobody is told, since %s cannot be written: %s", path, one_line(error))
        return None
    return path


def is_gone(owner: str) -> bool:
    """Say whether a process that was one of this host's, by this_process, is known to be gone."""
    # A lease knows nothing of other hosts; here the host before it was started again is none.
    return Lease(owner, "").is_void() or _was_started_again(_host(owner), _host(this_process()))


def _was_started_again(before: list[str], now: list[str]) -> bool:
    """Say whether a host's name is that of this one before it was started again."""
    if not len(before) == len(now) == PARTS:
        return False
    # Another host may have the same name, and containers of one image even the same machine-id.
    others = before[0] == now[0] and before[2:] == now[2:] and now[2] == OF_THE_HOST
    return others and before[1] != now[1]


def _host(owner: str) -> list[str]:
    return owner.rsplit(" ", 2)[0].split("/")
