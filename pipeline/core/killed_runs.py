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
from pipeline.core.errors import one_line

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Note:
    """What a run was to do, who does it, and since when."""

    command: str
    owner: str
    began_at: str


def begin(folder: Path, command: str) -> Path | None:
    """Return the note of a run that begins, or None where none can be written."""
    path = folder / f"{uuid.uuid4().hex}.json"
    note = Note(command, this_process(), datetime.now(timezone.utc).isoformat(timespec="seconds"))
    try:
        folder.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(asdict(note)), encoding="utf-8")
    except OSError as error:
        log.warning("If this run is killed, nobody is told, since %s cannot be written: %s", path, one_line(error))
        return None
    return path


def end(path: Path | None) -> None:
    """Make the note of a run be gone."""
    if path:
        with suppress(OSError):
            path.unlink(missing_ok=True)


def killed(folder: Path) -> Iterator[Note]:
    """Yield the notes of runs whose process is gone, each once, whoever else asks."""
    for path in sorted(folder.glob("*.json")):
        with suppress(OSError, ValueError, TypeError):
            note = Note(**json.loads(path.read_text(encoding="utf-8")))
            if _is_gone(note.owner):
                # Of two that ask at once, one finds it gone.
                path.unlink()
                yield note


def _is_gone(owner: str) -> bool:
    # A lease knows nothing of other hosts; here the host before it was started again is none.
    name, start = (_host(one).partition("/")[::2] for one in (owner, this_process()))
    return Lease(owner, "").is_void() or (name[0] == start[0] and name[1] != start[1])


def _host(owner: str) -> str:
    return owner.rsplit(" ", 2)[0]
