"""What is remembered on this host of runs that failed, so that their recovery is told, and a failure not too often."""

from __future__ import annotations

import hashlib
import json
import logging
import os
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta, timezone
from pathlib import Path

from pipeline.core.errors import one_line

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Failing:
    """That the last runs of a series failed: since when, the last of them, and when somebody was told."""

    series: str
    since: str
    last: str = ""
    told_at: str = ""

    def again_with(self, name: str) -> Failing:
        return replace(self, last=name)

    def told(self) -> Failing:
        return replace(self, told_at=_now().isoformat())

    def is_to_be_told(self, remind_hours: int) -> bool:
        """Say whether nobody was told yet, or it was so long ago."""
        return not self.told_at or _now() >= datetime.fromisoformat(self.told_at) + timedelta(hours=remind_hours)

    def __str__(self) -> str:
        return f"it had failed since {self.since}, the last time with {self.last}"


def recall(folder: Path, series: str) -> Failing | None:
    """Return what is remembered of a series, or None if its last run did not fail."""
    with suppress(OSError, ValueError, TypeError):
        found = Failing(**json.loads(_file(folder, series).read_text(encoding="utf-8")))
        return found if found.series == series else None
    return None


def begin(series: str) -> Failing:
    """Return what is to be remembered of a series that begins to fail."""
    return Failing(series, _now().isoformat(timespec="seconds"))


def remember(folder: Path, failing: Failing) -> None:
    """Keep what is known of a series; where that cannot be written, each of its failures is its first."""
    path = _file(folder, failing.series)
    beside = path.with_suffix(f".{os.getpid()}")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        beside.write_text(json.dumps(asdict(failing), indent=1), encoding="utf-8")
        beside.replace(path)
    except OSError as error:
        log.warning("That this failed is not remembered, since %s cannot be written: %s", path, one_line(error))


def forget(folder: Path, series: str) -> None:
    with suppress(OSError):
        _file(folder, series).unlink(missing_ok=True)


def _file(folder: Path, series: str) -> Path:
    return folder / f"{hashlib.sha256(series.encode()).hexdigest()[:16]}.json"


def _now() -> datetime:
    return datetime.now(timezone.utc)
