"""How many requests a run makes of S3, all its processes together.

Each notes its requests in a file of the run's folder as it sends them: then a process that is killed, or forked with
what its parent had counted, changes nothing.
"""

from __future__ import annotations

import os
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import Any

from pipeline.core.runtime import RUN_FOLDER

FILE = "s3-requests"
# What botocore emits when it sends a request, and again each time that it sends it again.
SENDING = "before-send.s3"


def requests_of(folder: Path) -> Counter[str]:
    """Return how often a run asked S3 for each of its operations."""
    with suppress(FileNotFoundError):
        return Counter((folder / FILE).read_text(encoding="ascii").split())
    return Counter()


def note_request(event_name: str, **_: Any) -> None:
    """Note the request of a SENDING event, if this process is part of a run."""
    folder = os.environ.get(RUN_FOLDER)
    if not folder:
        return
    # A request matters more than its count. Unbuffered, a line is one write, which no other process can split.
    with suppress(OSError), (Path(folder) / FILE).open("ab", buffering=0) as file:
        file.write(f"{event_name.rpartition('.')[2]}\n".encode("ascii"))
