"""Nobody waits for ever for what another transaction of PostgreSQL has, and whoever gives up says whose it is."""

from __future__ import annotations

import re

import pytest

from pipeline.core.config import Database as Settings
from pipeline.core.database import Database, database
from pipeline.core.errors import Retryable, SourceUnavailable

LOCK = "LOCK TABLE public.etl_load"


@pytest.fixture
def hasty(postgres, database_url):
    """The same database for one who waits for a second."""
    return Database(database_url, wait_seconds=1)


def pid_of(cursor):
    cursor.execute("SELECT pg_backend_pid()")
    return cursor.fetchone()[0]


def test_a_table_that_another_keeps_is_given_up_with_who_it_is(postgres, hasty):
    with postgres.transaction() as holder:
        holder.execute(LOCK)
        pid = pid_of(holder)

        with pytest.raises(SourceUnavailable) as told:
            hasty.query(f"{LOCK}; SELECT 1")

    assert not isinstance(told.value, Retryable)
    assert re.match(
        rf"LOCK TABLE public\.etl_load; SELECT 1 waited 1 s \(\[database\] wait_seconds\) for another transaction:"
        rf" that of postgres, process {pid}, since 20\d\d-.* UTC\. .* SELECT pg_terminate_backend\({pid}\);",
        str(told.value),
    )


def test_whoever_writes_a_table_is_named_before_whoever_reads_it(postgres, hasty):
    with postgres.transaction() as reader, postgres.transaction() as holder:
        reader.execute("SELECT * FROM public.etl_load")
        holder.execute("DELETE FROM public.etl_load")

        with pytest.raises(SourceUnavailable, match=f"process {pid_of(holder)},"):
            hasty.query(f"{LOCK}; SELECT 1")


def test_a_migration_that_another_keeps_from_beginning_is_given_up_too(postgres, hasty):
    with postgres.transaction() as holder:
        holder.execute("SELECT pg_advisory_xact_lock(hashtext('lakeshift create_tables'))")

        with pytest.raises(SourceUnavailable, match=f"process {pid_of(holder)},"):
            hasty.migrate()


def test_what_is_free_by_the_time_of_the_question_may_be_run_again(postgres, hasty):
    with pytest.raises(SourceUnavailable, match="ended by now"), postgres.transaction() as holder:
        holder.execute(LOCK)
        with hasty.transaction() as cursor:
            try:
                cursor.execute(LOCK)
            finally:
                holder.connection.rollback()


def test_how_long_one_waits_is_a_setting(settings, database_url):
    settings("database", "url", database_url)
    settings("database", "wait_seconds", "7")

    assert database().query("SHOW lock_timeout") == [("7s",)]
    assert Settings.__dataclass_fields__["wait_seconds"].metadata["default"] == str(Database(database_url).wait_seconds)
