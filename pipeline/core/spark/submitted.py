"""Which steps on EMR the processes of a run wait for, so that they are cancelled when the run is stopped.

A worker's process is gone at once when it is stopped, so that each notes in the run's folder what it submits, before.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from emr.lease import this_process
from pipeline.core.errors import one_line
from pipeline.core.spark.client import run_folder

log = logging.getLogger(__name__)
FOLDER = "emr"
# Whoever stopped a run waits for its end.
PATIENCE_SECONDS = 10.0


@contextmanager
def noted(key: str) -> Iterator[None]:
    """Have the run know of a submission until it has ended; not until it is stopped."""
    path = run_folder() / FOLDER / hashlib.sha256(key.encode()).hexdigest()[:16]
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps({"key": key, "owner": this_process()}), encoding="utf-8")
    try:
        yield
    except Exception:
        path.unlink(missing_ok=True)
        raise
    path.unlink(missing_ok=True)


def cancel_submitted(folder: Path) -> None:
    """Cancel the steps that the processes of a run, which are gone, were waiting for."""
    for path in sorted((folder / FOLDER).glob("*")):
        note = json.loads(path.read_text(encoding="utf-8"))
        try:
            _cancel(note["key"], note["owner"])
        except Exception as error:
            # The run ends anyway, and the next one adopts what goes on.
            log.error("The steps for %s could not be cancelled: %s", note["key"], one_line(error))


def _cancel(key: str, owner: str) -> None:
    from emr.ledger import Ledger
    from emr.runner import cancel
    from pipeline.core.lake import lake
    from pipeline.core.spark.service import connect

    entry = cancel(connect(PATIENCE_SECONDS), Ledger(lake().store), key, owner)
    if entry:
        log.warning("%s: its steps on %s are cancelled.", entry.name, entry.cluster_id)
