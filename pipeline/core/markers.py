"""Which day's run the upload of a marker asks for.

The standard library alone is imported here: the function on AWS that starts the runs has this file beside it.
"""

from __future__ import annotations

import re
from datetime import date, datetime, time, timedelta, tzinfo

SUFFIX = ".SUCCESS"
CLAIMS = "_claims"
DAY = re.compile(r"(?<!\d)\d{4}-\d{2}-\d{2}(?!\d)")


def is_marker(key: str) -> bool:
    """Say whether a key is a marker's."""
    return key.endswith(SUFFIX) and CLAIMS not in key.split("/")


def day_of(key: str, written_at: datetime, zone: tzinfo, closes: time) -> date | None:
    """Return the day that a marker stands for: the last date in its key, else the last that had ended by then.

    None where the key is no marker's, or names a day that no calendar has.
    """
    if not is_marker(key):
        return None
    named = DAY.findall(key)
    if not named:
        return last_ended(written_at, zone, closes)
    try:
        return date.fromisoformat(named[-1])
    except ValueError:
        return None


def last_ended(now: datetime, zone: tzinfo, closes: time) -> date:
    """Return the last day that has ended, each of which does at a wall clock's time in a zone."""
    local = now.astimezone(zone)
    return local.date() if local.time() >= closes else local.date() - timedelta(days=1)


def claim_path(name: str, day: date) -> str:
    """Return where the claim of a day's run lies in the monitored place, whether it exists or not."""
    return f"{CLAIMS}/{name}/{day}.json"
