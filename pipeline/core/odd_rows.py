"""Rows of typed files that are well-formed and odd: counted, or refused with their file and line."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from pipeline.core.errors import CheckFailed
from pipeline.core.records import Refused, RefusedRows
from pipeline.core.typed_csv import TypedFiles

# The names are ours.
FIRST = """
CREATE TEMP TABLE first_row AS
SELECT file_number, min(rowid) AS row_id, count(*) AS rows
FROM {table}
GROUP BY file_number
"""
ODD = "CREATE OR REPLACE TEMP TABLE odd_row AS SELECT row_id FROM ({query}) WHERE finding = ?"
PLACES = """
SELECT file_number, rows, odd_row.row_id - first_row.row_id AS place
FROM odd_row
JOIN {table} AS typed ON typed.rowid = odd_row.row_id
JOIN first_row USING (file_number)
ORDER BY odd_row.row_id
"""
REFUSE = "DELETE FROM {table} WHERE rowid IN (SELECT row_id FROM odd_row)"
COUNTS = "SELECT finding, count(*) FROM ({query}) GROUP BY finding ORDER BY finding"


class OddRows:
    """What a query finds in the table of the rows of typed files: a finding and a row_id for each finding of a row."""

    def __init__(self, connection: Any, query: str, table: str) -> None:
        self._connection, self._names = connection, {"query": query.rstrip().rstrip(";"), "table": table}

    def counts(self) -> list[tuple[str, int]]:
        """Return each finding that there is, and of how many rows, in the order of their names."""
        return self._connection.execute(COUNTS.format(**self._names)).fetchall()

    def refuse(self, findings: Sequence[str], files: TypedFiles, refused: RefusedRows) -> None:
        """Take the rows of some findings out of the table, one finding after the other, so that a row has one reason.

        The files are looked through again for the lines, those with such a row only.
        """
        if not findings:
            return
        # Where a row lies in its file is known as long as those before it are not gone for good.
        self._connection.begin()
        self._connection.execute(FIRST.format(**self._names))
        for finding in findings:
            for (number, rows), places in self._found(finding).items():
                name, count = files.files[number].name, 0
                for place, record in enumerate(files.records(number)):
                    count += 1
                    if place in places:
                        text = ",".join(record.fields)
                        refused.add(name, Refused(record.line, text, f"it is among the {finding}"))
                if count != rows:
                    # A place was that of another row.
                    raise CheckFailed(f"{name}: {rows:,} rows were read of its {count:,} records. Report that.")
            self._connection.execute(REFUSE.format(**self._names))
        self._connection.commit()

    def _found(self, finding: str) -> dict[tuple[int, int], set[int]]:
        """Return, by the number of their file and of all its rows, which of its rows are of a finding."""
        self._connection.execute(ODD.format(**self._names), [finding])
        found = defaultdict(set)
        for number, rows, place in self._connection.execute(PLACES.format(**self._names)).fetchall():
            found[number, rows].add(place)
        return found
