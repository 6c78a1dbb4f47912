"""Which steps on EMR the processes of a run wait for, so that they are cancelled when the run is stopped.

A worker's process is gone at once when it is stopped, so that each notes in the run's folder what it submits, before.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from emr.lease import this_process
from pipeline.core.errors import one_line
from pipeline.core.spark.client import run_folder
from pipeline.core.spark.cost import note_steps

log = logging.getLogger(__name__)
FOLDER = "emr"
# Whoever stopped a run waits for its end.
PATIENCE_SECONDS = 10.0


@contextmanager
def noted(key: str) -> Iterator[None]:
    """Have the run know of a submission until it has ended; not until it is stopped."""
    path = run_folder() / FOLDER / f"{hashlib.sha256(key.encode()).hexdigest()[:16]}.json"
    path.parent.mkdir(exist_ok=True)
    # A signal ends a worker's process in the middle of anything.
    half = path.with_suffix(f".{os.getpid()}")
    half.write_text(json.dumps({"key": key, "owner": this_process()}), encoding="utf-8")
    half.replace(path)
    try:
        yield
    except Exception:
        path.unlink(missing_ok=True)
        raise
    path.unlink(missing_ok=True)


def cancel_submitted(folder: Path) -> None:
    """Cancel the steps that the processes of a run, which are gone, were waiting for."""
    for path in sorted((folder / FOLDER).glob("*.json")):
        note = json.loads(path.read_text(encoding="utf-8"))
        try:
            _cancel(note["key"], note["owner"])
        except Exception as error:
            # The run ends anyway, and the next one adopts what goes on, or cancels it.
            log.error("The steps for %s could not be cancelled: %s", note["key"], one_line(error))


def _cancel(key: str, owner: str) -> None:
    from emr.ledger import Ledger
    from emr.runner import cancel
    from pipeline.core.lake import lake
    from pipeline.core.spark.service import connect

    entry = cancel(connect(PATIENCE_SECONDS), Ledger(lake().store), key, owner)
    if entry:
        # Its process may have ended before it could: during the call.
        note_steps(" ".join(key.rsplit("/", 1)), entry, ())
        log.warning("%s: its steps on %s are cancelled.", entry.name, entry.cluster_id)
