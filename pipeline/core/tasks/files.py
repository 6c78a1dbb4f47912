"""A dataset of many files of one shape, read as one table, and written as one CSV."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar

import duckdb

from pipeline.core import config
from pipeline.core.errors import CheckFailed, SourceUnavailable
from pipeline.core.lake import Attempt, Counts, File
from pipeline.core.listed_files import ListedFiles, Listing
from pipeline.core.odd_rows import OddRows
from pipeline.core.records import RefusedRows
from pipeline.core.runtime import scratch_folder
from pipeline.core.spark.client import run_folder
from pipeline.core.sql_files import read_sql
from pipeline.core.sql_text import text, texts
from pipeline.core.tasks.lake import Fingerprint, Made, SourceTask
from pipeline.core.typed_csv import Column, TypedFiles

PART = "part-0000.csv"
# What is more goes to the scratch folder, where DuckDB by itself would take four fifths of the machine.
MEMORY = "512MB"


class TypedFilesTask(SourceTask):
    """A day's rows of the files that a list names, as one CSV without a header, in the order of the list.

    The query is run by DuckDB on the relation `read_file`: the columns, and file_name. So are the findings, which
    also see file_number and row_id: a row of a name and a row_id for whatever is odd, and kept unless it is refused.
    """

    columns: ClassVar[Sequence[Column]]
    query: ClassVar[str]
    findings: ClassVar[str]

    def source(self) -> ListedFiles:
        """Return the folder and the list."""
        raise NotImplementedError

    def refused_findings(self) -> Sequence[str]:
        """Return the names of the findings whose rows are refused, in the order in which they are looked for."""
        return ()

    def source_id(self) -> Hashable:
        source = self.source()
        return source.root, source.list_path, source.folder

    def source_now(self) -> Fingerprint:
        return {"state": self.source().state()}

    def read(self, attempt: Attempt) -> Made:
        with (
            _scratch(str(self.output())) as scratch,
            RefusedRows(lambda: attempt.open_refused("refused.csv", "wb")) as refused,
            duckdb.connect(config={"temp_directory": str(scratch / "spill"), "memory_limit": MEMORY}) as connection,
        ):
            source = self.source()
            state = source.state()
            listing = source.listing(refused)
            files = source.fetch(listing.names, scratch / "fetched")
            typed = TypedFiles(files, self.columns, scratch, refused)
            typed.load(connection, "typed_row")
            self._name_files(connection, listing.names)
            odd_rows = OddRows(connection, read_sql(self.findings), "typed_row")
            odd_rows.refuse(self.refused_findings(), typed, refused)
            read = source.fingerprint(listing, files, state)
            with attempt.written(PART, scratch) as part:
                schema = self._write(connection, part)
            odd = tuple(f"{number:,} {name}" for name, number in odd_rows.counts())
            [(count,)] = connection.execute("SELECT count(*) FROM typed_row").fetchall()
        self._refuse_too_few_files(listing, len(typed.foreign), attempt.quarantine_location, refused.first)
        rows = Counts(count + refused.count, count, refused.count)
        return Made(rows, [File(PART, attempt.size(PART), count)], schema, (read,), refused.first, findings=odd)

    def _refuse_too_few_files(self, listing: Listing, foreign: int, quarantine: str, first: str) -> None:
        """Raise CheckFailed if more names have no file that can be read than the settings allow of rows.

        A name counts as one row else, though all rows of its file are missing. Of an empty file none is.
        """
        limit, lost, names = config.lake().max_refused, listing.missing + foreign, len(listing.names) + listing.missing
        if lost > limit * names:
            raise CheckFailed(
                f"{self.output()}: {lost:,} of {names:,} names on the list have no file that can be read, more than"
                f" [lake] max_refused = {limit:g}. Nothing was committed. The first is {first}."
                f" The names and the reasons: {quarantine}"
            )

    def _name_files(self, connection: Any, names: Sequence[str]) -> None:
        """Make the relation that the query and the findings are run on."""
        # A list of nothing would be one of numbers.
        connection.execute(f"SET VARIABLE names = {texts(names)}::varchar[]")
        connection.execute(
            "CREATE VIEW read_file AS"
            " SELECT *, rowid AS row_id, getvariable('names')[file_number + 1] AS file_name FROM typed_row"
        )

    def _write(self, connection: Any, to: Path) -> dict[str, str]:
        """Write what the query returns, and return its columns and their types."""
        query = read_sql(self.query).rstrip().rstrip(";")
        try:
            connection.execute(f"COPY (\n{query}\n) TO {text(str(to))} (FORMAT csv, HEADER false, COMPRESSION none)")
        except duckdb.IOException as error:
            raise SourceUnavailable(f"{to} could not be written: {error}. Mend that and run it again.") from error
        described = connection.execute(f"DESCRIBE\n{query}").fetchall()
        return {column: kind.lower() for column, kind, *_ in described}


@contextmanager
def _scratch(what: str) -> Iterator[Path]:
    """Yield a folder for a block. Raises SourceUnavailable if that can read no file, or keep no more rows."""
    with scratch_folder(run_folder()) as scratch:
        try:
            yield scratch
        except (OSError, duckdb.IOException, duckdb.OutOfMemoryException) as error:
            raise SourceUnavailable(
                f"{what}: its files could not be read, or their rows not be kept in {scratch.parent} ($TMPDIR):"
                f" {error}. Nothing was committed. Mend that and run it again."
            ) from error
