"""The door to PostgreSQL: transactions and statements."""

from __future__ import annotations

import re
import traceback
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import psycopg2
import pytest

from pipeline.core.database import Database
from pipeline.core.errors import SettingError, SourceUnavailable

UNREACHABLE = "postgresql://ada:secret@127.0.0.1:1/shop"


@pytest.fixture
def numbers(postgres):
    with postgres.transaction() as cursor:
        cursor.execute("CREATE TABLE public.number (a integer, b text)")
    return postgres


def test_a_transaction_is_committed_at_its_end(numbers):
    with numbers.transaction() as cursor:
        cursor.execute("INSERT INTO public.number VALUES (%(a)s, %(b)s)", {"a": 1, "b": "it's"})

    assert numbers.query("SELECT a, b FROM public.number WHERE b = %(b)s", {"b": "it's"}) == [(1, "it's")]


def test_an_error_rolls_a_transaction_back(numbers):
    with pytest.raises(ZeroDivisionError), numbers.transaction() as cursor:
        cursor.execute("INSERT INTO public.number VALUES (1)")
        raise ZeroDivisionError

    assert numbers.query("SELECT * FROM public.number") == []


def test_a_transaction_reads_one_state_of_the_database(numbers):
    with numbers.transaction() as cursor:
        cursor.execute("SELECT count(*) FROM public.number")
        with numbers.transaction() as another:
            another.execute("INSERT INTO public.number VALUES (1)")
        cursor.execute("SELECT count(*) FROM public.number")

        assert cursor.fetchone() == (0,)


def test_a_session_is_in_utc_and_says_whose_it_is(postgres):
    sql = "SELECT current_setting('timezone'), current_setting('application_name'), now()::text LIKE '%+00'"

    assert postgres.query(sql) == [("UTC", "lakeshift", True)]


def test_what_a_url_says_comes_before_our_defaults(database_url):
    named = Database(f"{database_url}&application_name=nightly")

    assert named.query("SELECT current_setting('application_name')") == [("nightly",)]


def test_a_server_that_cannot_be_reached_is_named_without_the_password():
    with pytest.raises(SourceUnavailable) as caught:
        Database(UNREACHABLE).query("SELECT 1")

    text = "".join(traceback.format_exception(caught.value))
    assert str(caught.value).startswith("PostgreSQL at 127.0.0.1:1/shop cannot be reached. Is it up, ")
    assert "secret" not in text


@pytest.mark.parametrize("url", ["postgresql://ada:sec%ret@host/shop", "postgresql://ada:secret@host:port:1/shop?x=y"])
def test_a_url_that_cannot_be_read_does_not_show_its_password(url):
    with pytest.raises(SettingError, match=r"\[database\] url = postgresql://ada:\*\*\*@host") as caught:
        Database(url)

    assert "ret@" not in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://ada:tr@p/door@host/shop",
        "postgresql://ada:trap@door@host/shop",
        "postgresql://ada:trap/door@host/shop",
        "postgresql://ada:12@trap:door@host/shop",
    ],
)
def test_a_password_that_is_not_percent_encoded_is_refused_and_no_part_of_it_shown(url):
    with pytest.raises(SettingError, match=r"^\[database\] url: .*percent-encoded") as caught:
        Database(url)

    text = "".join(traceback.format_exception(caught.value, limit=0))
    assert not {part for part in ("tr@p", "trap", "door") if part in text}


def test_a_percent_encoded_password_is_taken():
    assert str(Database("postgresql://ada:tr%40p%2Fdoor@host/shop")) == "PostgreSQL at host:5432/shop"


def test_a_connection_that_is_lost_in_a_transaction_changes_nothing_and_may_be_tried_again(numbers):
    with pytest.raises(SourceUnavailable, match="nothing was changed"), numbers.transaction() as cursor:
        cursor.execute("INSERT INTO public.number VALUES (1)")
        cursor.execute("SELECT pg_backend_pid()")
        numbers.query("SELECT pg_terminate_backend(%(pid)s)", {"pid": cursor.fetchone()[0]})
        cursor.execute("SELECT 1")

    assert numbers.query("SELECT * FROM public.number") == []


def test_a_commit_that_was_not_answered_is_not_called_done_or_undone(numbers, cut_at_commit):
    cut, _ = cut_at_commit(arrives=True)

    with pytest.raises(SourceUnavailable, match="COMMIT was not answered"), cut.transaction() as cursor:
        cursor.execute("INSERT INTO public.number VALUES (1)")

    assert numbers.query("SELECT a FROM public.number") == [(1,)]


def test_two_transactions_that_write_the_same_row_are_told_to_try_again(numbers):
    update = "UPDATE public.number SET b = 'x'"
    with numbers.transaction() as cursor:
        cursor.execute("INSERT INTO public.number VALUES (1)")

    with pytest.raises(SourceUnavailable, match="run it again"), numbers.transaction() as cursor:
        cursor.execute("SELECT * FROM public.number")
        with numbers.transaction() as another:
            another.execute(update)
        cursor.execute(update)


def test_a_statement_that_is_wrong_raises_what_postgresql_says(postgres):
    with pytest.raises(psycopg2.errors.UndefinedColumn, match="nothing"):
        postgres.query("SELECT nothing FROM public.etl_load")


@pytest.mark.parametrize("sql", ["SELECT * FROM retail.user_purchase", "LOCK TABLE retail.user_purchase"])
def test_a_table_that_is_not_there_is_one_line_that_says_how_to_fill_it(postgres, sql):
    with pytest.raises(SourceUnavailable) as caught:
        postgres.query(sql)

    assert re.fullmatch(
        r"PostgreSQL at \S+/test: (relation|schema) \"retail\S*\" does not exist."
        r" Create what is missing \(lakeshift migrate\), fill it \(lakeshift seed\), or look at \[database\] url.",
        str(caught.value),
    )


def test_no_connection_is_kept_however_a_transaction_ends(postgres):
    with pytest.raises(SourceUnavailable) as held, postgres.transaction():
        raise psycopg2.OperationalError

    assert held.tb  # whose frames hold what their functions had
    assert postgres.query("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'lakeshift'") == [(1,)]


def test_a_file_of_several_statements_runs_in_the_transaction(postgres):
    with pytest.raises(ZeroDivisionError), postgres.transaction() as cursor:
        postgres.run_file(cursor, "user_behaviour/database.sql")
        raise ZeroDivisionError

    assert postgres.query("SELECT to_regclass('retail.user_purchase')") == [(None,)]


def test_processes_that_create_the_tables_at_once_do_not_fail(postgres):
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: postgres.create_tables("tables.sql", "user_behaviour/database.sql"), range(8)))

    assert postgres.query("SELECT count(*) FROM retail.user_purchase") == [(0,)]


@pytest.fixture
def latin1(numbers, database_url):
    """Return a database that keeps its text as LATIN1."""
    kind = "ENCODING 'LATIN1' TEMPLATE template0 LOCALE_PROVIDER libc LC_COLLATE 'C' LC_CTYPE 'C'"
    run_outside(database_url, f"CREATE DATABASE latin1 {kind}")
    yield Database(database_url.replace("/test?", "/latin1?"))
    run_outside(database_url, "DROP DATABASE latin1 WITH (FORCE)")


def run_outside(url, statement):
    with closing(psycopg2.connect(url)) as connection:
        connection.autocommit = True
        connection.cursor().execute(statement)


def copied(database):
    """Return a text with a pound sign, copied into a table and out of it again."""
    with database.transaction() as cursor:
        cursor.execute("CREATE TEMPORARY TABLE price (text varchar)")
        database.copy_in(cursor, "price", ["text"], [("£5",)])
        with database.copy_out(cursor, "SELECT text FROM price") as stream:
            return stream.read()


def test_text_goes_in_and_out_as_utf_8_however_the_database_keeps_it(latin1):
    assert latin1.query("SELECT current_setting('server_encoding'), 'a £'") == [("LATIN1", "a £")]
    assert copied(latin1) == "text\n£5\n".encode()


def test_text_is_utf_8_whatever_encoding_the_environment_or_the_url_names(postgres, database_url, monkeypatch):
    monkeypatch.setenv("PGCLIENTENCODING", "LATIN1")

    assert copied(postgres) == "text\n£5\n".encode()
    assert copied(Database(f"{database_url}&client_encoding=LATIN1")) == "text\n£5\n".encode()
