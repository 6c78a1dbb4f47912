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
from urllib.parse import quote, unquote

from emr.lease import Lease, this_process
from pipeline.core.asked import Asked
from pipeline.core.errors import one_line

log = logging.getLogger(__name__)
# The name, the start, the PID namespace and the machine-id of a host.
PARTS = 4
# Linux gives this one to the namespace that is no container's, at each start.
OF_THE_HOST = "effffffc"
# What stands before the name of the process that tells of a killed run, in the name of its note.
FOUND = "~"


@dataclass(frozen=True)
class Note:
    """What a run was to do, who does it, since when, and by which id the history has it."""

    asked: Asked
    owner: str
    began_at: str
    run_id: str

    @classmethod
    def from_json(cls, text: str) -> Note:
        """Raises ValueError, KeyError or TypeError if it is no note."""
        told = json.loads(text)
        return cls(Asked(**told["asked"]), told["owner"], told["began_at"], told["run_id"])


@dataclass(frozen=True)
class Found:
    """The note of a killed run, which is this process's to tell of; whether nobody tried to before."""

    note: Note
    path: Path
    is_news: bool


def begin(folder: Path, asked: Asked, run_id: str) -> Path | None:
    """Return the note of a run that begins, or None where none can be written."""
    now = datetime.now(timezone.utc).isoformat(timespec="seconds")
    return put(folder, Note(asked, this_process(), now, run_id))


def end(path: Path | None) -> None:
    """Make the note of a run be gone."""
    if path:
        with suppress(OSError):
            path.unlink(missing_ok=True)


def killed(folder: Path) -> Iterator[Found]:
    """Yield the notes of runs whose process is gone, each once, whoever else asks; who tells of one ends it then."""
    for path in sorted(folder.glob("*.json")):
        with suppress(OSError, ValueError, KeyError, TypeError):
            note = Note.from_json(path.read_text(encoding="utf-8"))
            number, was_found, teller = path.stem.partition(FOUND)
            if is_gone(note.owner) and (not teller or is_gone(unquote(teller))):
                mine = path.with_name(f"{number}{FOUND}{quote(this_process(), safe='')}.json")
                # Of two that ask at once, one finds it gone.
                path.rename(mine)
                yield Found(note, mine, is_news=not was_found)


def put_back(found: Found) -> None:
    """Leave a note for the next run that asks."""
    with suppress(OSError):
        found.path.rename(found.path.with_name(f"{found.path.stem.partition(FOUND)[0]}{FOUND}.json"))


def put(folder: Path, note: Note) -> Path | None:
    """Return where a note lies from now on, or None where it cannot be written."""
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
