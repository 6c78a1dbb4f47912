"""A run's own record, which it writes at its end; whatever keeps it from that, the run ends as it would."""

from __future__ import annotations

import json
import logging
import socket
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict
from datetime import datetime, timezone
from pathlib import Path

import luigi
import luigi.worker

from pipeline.core import config
from pipeline.core.asked import Asked, asked_of
from pipeline.core.errors import one_line
from pipeline.core.history.parts import Part, Parts
from pipeline.core.history.records import KILLED, Record
from pipeline.core.lake import lake
from pipeline.core.settings import masked_text
from pipeline.core.summary import Summary
from pipeline.core.version import code_version

log = logging.getLogger(__name__)


def keep(run_id: str, end: str, roots: Sequence[luigi.Task], summary: Summary, within: Parts, cause: str) -> None:
    """Write how a run ended; nothing, if it made nothing. `within` is what the runs within it made.

    cause says why it ended before its work did.
    """
    if not end:
        return
    try:
        asked = asked_of(roots)
        within.add_summary(summary)
        _put(
            Record(
                id=run_id,
                family=roots[0].task_family if roots else "",
                name=asked.name,
                command=asked.command,
                end=end,
                host=socket.gethostname(),
                ended_at=_now(),
                seconds=round(summary.seconds, 3),
                code_version=code_version(),
                cause=masked_text(cause or next(iter(summary.errors()), "")),
                there=len(summary.select(luigi.worker.DONE, was_due=False)),
                parts=list(within),
                requests=dict(summary.requests),
                # What stands below each line, partition by partition, may be long.
                cost=[line for line in summary.cost if not line.startswith(" ")],
                money={dataset: float(amount) for dataset, amount in summary.money.items()},
                currency=config.emr_prices().currency if summary.money else "",
            )
        )
    except Exception as error:
        log.warning("`lakeshift history` will not have this run: %s", one_line(error))


def keep_killed(run_id: str, asked: Asked, owner: str) -> None:
    """Write of a run that it was killed, unless it wrote how it ended before that."""
    try:
        family = asked.series.partition(" ")[0].rpartition(".")[2]
        _put(Record(run_id, family, asked.name, KILLED, asked.command, owner.partition("/")[0]))
    except Exception as error:
        log.warning("`lakeshift history` will not have the killed run of %s: %s", asked.name, one_line(error))


def note_within(run_folder: Path, run_id: str, summary: Summary) -> None:
    """Have the run of an id know what a run within it made."""
    parts = Parts()
    parts.add_summary(summary)
    line = json.dumps([asdict(part) for part in parts]) + "\n"
    # Unbuffered, a line is one write, which no other process can split.
    with suppress(OSError), _file(run_folder, run_id).open("ab", buffering=0) as file:
        file.write(line.encode())


def noted_within(run_folder: Path, run_id: str) -> Parts:
    """Return what the runs within one made."""
    parts, file = Parts(), _file(run_folder, run_id)
    with suppress(OSError, ValueError), file.open(encoding="utf-8") as lines:
        for line in lines:
            for values in json.loads(line):
                parts.add(Part.from_values(values))
    return parts


def _put(record: Record) -> None:
    # False: it is there. A run that was killed once it had written its own is told of as killed all the same.
    lake().store.create(record.path, record.to_json())


def _file(run_folder: Path, run_id: str) -> Path:
    return run_folder / f"history-{run_id}"


def _now() -> str:
    return datetime.now(timezone.utc).isoformat(timespec="seconds")
