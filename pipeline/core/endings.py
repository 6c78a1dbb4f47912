"""Where it is told how a run ended: in the history, to whom the settings name, and, as lineage, what it made."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import luigi
import luigi.worker

from pipeline.core import history, lineage, notices
from pipeline.core.summary import Summary


@dataclass
class Ending:
    """The end of a run: what it was asked for, and what became of that."""

    run_id: str
    roots: Sequence[luigi.Task]
    summary: Summary
    # Why it ended before its work did.
    cause: str = ""
    # By which the next run tells of it, if it is killed before it can.
    note: Path | None = None
    # What the runs within it made.
    within: history.Parts = field(default_factory=history.Parts)

    @property
    def end(self) -> str:
        """How it ended: success or failure; or nothing, if it made nothing and nothing went wrong here."""
        return notices.FAILURE if self.cause else self.summary.end

    def tell(self, lines: Sequence[str]) -> None:
        """Tell of a run, which has printed some lines."""
        # Before its note goes: a run that is killed here is told of, and its record is not replaced.
        history.keep(self.run_id, self.end, self.roots, self.summary, self.within, self.cause)
        notices.end(self.note)
        notices.tell_of_end(self.end, self.roots, self.summary, lines)
        lineage.send_made(_made(self.summary), self.roots, self.run_id)


def tell_outer(run_folder: Path, run_id: str, summary: Summary) -> None:
    """Tell the run of an id what a run within it made, and did not."""
    history.note_within(run_folder, run_id, summary)
    lineage.send_made(_made(summary))


def _made(summary: Summary) -> list[luigi.Task]:
    return [one.task for one in summary.select(luigi.worker.DONE)]
