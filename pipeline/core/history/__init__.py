"""What the runs did, kept in the lake: a record a run, in `_history/<year>/<month>/<when it began>-<id>-<task>.json`.

A run that made something, or failed, writes its own at its end; a run within a run is part of that one's record. Of one
that was killed the next run of its host writes that it was. Nothing of it says what is complete.
"""

from pipeline.core.history.keeping import keep, keep_killed, note_within, noted_within
from pipeline.core.history.parts import Part, Parts
from pipeline.core.history.records import Record
from pipeline.core.history.stored import old_records, records
from pipeline.core.history.timing import Duration, durations

__all__ = [
    "Duration",
    "Part",
    "Parts",
    "Record",
    "durations",
    "keep",
    "keep_killed",
    "note_within",
    "noted_within",
    "old_records",
    "records",
]
