"""The twin of Redshift, as redshift_connector finds it."""

from __future__ import annotations

import datetime
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from decimal import Decimal
from typing import Any

import pytest
import redshift_connector
from fixtures_redshift import PASSWORD, USER
from redshift_connector.error import InterfaceError, ProgrammingError

LOCK = "LOCK TABLE public.sale_etl_lock"
WHO_LOCKS = """
SELECT svv_transactions.pid, svv_transactions.txn_owner
FROM svv_transactions
INNER JOIN pg_class ON pg_class.oid = svv_transactions.relation
WHERE pg_class.relname = 'sale_etl_lock' AND svv_transactions.granted
"""


class Client:
    """A connection with the statements of a test."""

    def __init__(self, port: int) -> None:
        self.connection = redshift_connector.connect(
            host="127.0.0.1", port=port, database="dev", user=USER, password=PASSWORD, ssl=False
        )
        self.close = self.connection.close

    def run(self, sql: str, params: dict[str, Any] | None = None) -> list[list[Any]]:
        """Run a statement in a transaction that goes on."""
        cursor = self.connection.cursor()
        cursor.paramstyle = "pyformat"
        cursor.execute(sql, params)
        return list(cursor.fetchall()) if cursor.description else []

    def commit(self) -> None:
        self.connection.commit()

    def rollback(self) -> None:
        self.connection.rollback()


@pytest.fixture
def connect(redshift) -> Iterator[Callable[[], Client]]:
    """Return a function that connects; all of a test's connections end with it."""
    with ExitStack() as stack:
        yield lambda: stack.enter_context(closing(Client(redshift.port)))


@pytest.fixture
def client(connect) -> Client:
    """Return a client of a cluster with a table of sales, and the table that its loads lock."""
    client = connect()
    client.run("CREATE TABLE public.sale (customerid integer)")
    client.run("CREATE TABLE public.sale_etl_lock (id integer)")
    client.commit()
    return client


def test_values_of_every_type_come_as_they_went(connect):
    given = {
        "varchar(20)": "it's 50% §",
        "integer": 1,
        "bigint": 2**40,
        "decimal(18, 5)": Decimal("-12.50"),
        "decimal(38, 2)": Decimal("12.50"),
        "date": datetime.date(2010, 12, 1),
        "timestamp": datetime.datetime(2010, 12, 1, 8, 26, 0, 5),
        "timestamptz": datetime.datetime(2010, 12, 1, 8, 26, tzinfo=datetime.timezone.utc),
        "float": 0.5,
        "boolean": True,
    }
    columns = [f"CAST(%(v{number})s AS {kind}) AS v{number}" for number, kind in enumerate(given)]

    [row] = connect().run(
        f"SELECT {', '.join(columns)}, NULL AS nothing", {f"v{at}": value for at, value in enumerate(given.values())}
    )

    assert row == [*given.values(), None]


def test_how_many_rows_were_written_is_told(client):
    cursor = client.connection.cursor()

    cursor.execute("INSERT INTO public.sale VALUES (1), (2)")
    inserted = cursor.rowcount
    cursor.execute("DELETE FROM public.sale WHERE customerid = 1")

    assert (inserted, cursor.rowcount) == (2, 1)


def test_an_error_fails_the_transaction_until_it_is_rolled_back(client):
    client.run("INSERT INTO public.sale VALUES (1)")

    with pytest.raises(ProgrammingError, match=r"42P01.*relation \"nothing\" does not exist"):
        client.run("SELECT * FROM public.nothing")
    with pytest.raises(ProgrammingError, match="25P02"):
        client.run("SELECT 1")
    client.rollback()

    assert client.run("SELECT count(*) FROM public.sale") == [[0]]


def test_the_commit_of_a_failed_transaction_rolls_it_back(client):
    client.run("INSERT INTO public.sale VALUES (1)")
    with pytest.raises(ProgrammingError):
        client.run("SELECT * FROM public.nothing")

    client.commit()

    assert client.run("SELECT count(*) FROM public.sale") == [[0]]


def test_a_locked_table_is_waited_for_and_what_was_committed_is_seen(client, connect):
    other = connect()
    client.run(LOCK)
    with ThreadPoolExecutor() as pool:
        waiting = pool.submit(other.run, LOCK)
        client.run("INSERT INTO public.sale VALUES (1)")
        time.sleep(0.1)
        was_waiting = not waiting.done()
        client.commit()
        waiting.result()

    assert was_waiting
    assert other.run("SELECT count(*) FROM public.sale") == [[1]]


def test_who_does_not_lock_reads_what_was_there_before(client, connect):
    client.run(LOCK)
    client.run("INSERT INTO public.sale VALUES (1)")

    assert connect().run("SELECT count(*) FROM public.sale") == [[0]]


def test_a_locked_table_cannot_even_be_read(client, connect):
    other = connect()
    other.run("SET statement_timeout TO 100")
    client.run("LOCK TABLE public.sale")

    with pytest.raises(ProgrammingError, match="57014"):
        other.run('SELECT count(*) FROM "public"."sale"')


def test_waiting_for_a_lock_ends_with_the_statement_timeout(client, connect):
    other = connect()
    client.run(LOCK)
    other.run("SET statement_timeout TO 100")

    with pytest.raises(ProgrammingError, match=r"57014.*cancelled on user's request"):
        other.run(LOCK)


def test_a_long_query_ends_with_the_statement_timeout(client):
    client.run("SET statement_timeout = 200")
    client.run("INSERT INTO public.sale SELECT x FROM generate_series(1, 100000) AS series (x)")

    with pytest.raises(ProgrammingError, match="57014"):
        client.run("SELECT sum(a.customerid * b.customerid) FROM public.sale AS a CROSS JOIN public.sale AS b")


def test_who_holds_a_lock_is_told_and_can_be_ended(client, connect):
    other = connect()
    client.run(LOCK)
    client.run("INSERT INTO public.sale VALUES (1)")

    [[pid, owner]] = other.run(WHO_LOCKS)
    ended = other.run(f"SELECT pg_terminate_backend({pid})")
    other.run(LOCK)

    assert (owner, ended) == (USER, [[1]])
    assert other.run("SELECT count(*) FROM public.sale") == [[0]]
    with pytest.raises((InterfaceError, OSError)):
        client.run("SELECT 1")


def test_two_that_change_the_same_rows_are_not_serialisable(client, connect):
    other = connect()
    client.run("INSERT INTO public.sale VALUES (1)")
    client.commit()
    other.run("SELECT * FROM public.sale")
    client.run("DELETE FROM public.sale")
    client.commit()

    with pytest.raises(ProgrammingError, match=r"XX000.*1023.*Serializable isolation violation on table"):
        other.run("DELETE FROM public.sale")


def test_two_that_read_what_the_other_writes_are_not_serialisable(client, connect):
    other = connect()
    for each, customer in ((client, 1), (other, 2)):
        each.run("SELECT count(*) FROM public.sale")
        each.run(f"INSERT INTO public.sale VALUES ({customer})")
    client.commit()

    with pytest.raises(ProgrammingError, match=r"1023.*Serializable isolation violation on table - public.sale"):
        other.commit()

    assert other.run("SELECT customerid FROM public.sale") == [[1]]


def test_the_external_catalogue_is_not_changed_in_a_transaction(client):
    create = "CREATE EXTERNAL SCHEMA spectrum FROM DATA CATALOG DATABASE 'spectrumdb' IAM_ROLE DEFAULT"

    with pytest.raises(ProgrammingError, match="25001"):
        client.run(create)
    client.rollback()
    client.connection.autocommit = True
    client.run(create)

    assert client.run("SELECT schemaname FROM svv_external_schemas") == [["spectrum"]]


def test_a_statement_fails_as_often_as_the_test_says(client, redshift):
    redshift.fail("INSERT", "XX000", "1023", detail="Serializable isolation violation", times=2)

    for _ in range(2):
        with pytest.raises(ProgrammingError, match="1023"):
            client.run("INSERT INTO public.sale VALUES (1)")
        client.rollback()
    client.run("INSERT INTO public.sale VALUES (1)")

    assert client.run("SELECT count(*) FROM public.sale") == [[1]]


@pytest.mark.parametrize(("before", "rows"), [(True, 0), (False, 1)])
def test_a_commit_that_is_cut_off_is_done_if_it_arrived(client, connect, redshift, before, rows):
    redshift.cut("commit", before=before)
    client.run("INSERT INTO public.sale VALUES (1)")

    with pytest.raises((InterfaceError, OSError)):
        client.commit()

    assert connect().run("SELECT count(*) FROM public.sale") == [[rows]]


def test_a_statement_is_held_up_until_the_test_lets_it_go(client, redshift):
    redshift.hold("INSERT")
    with ThreadPoolExecutor() as pool:
        held = pool.submit(client.run, "INSERT INTO public.sale VALUES (1)")
        redshift.wait_until_held()
        was_held = not held.done()
        redshift.release()
        held.result()

    assert was_held
    assert redshift.statements[-2:] == ["begin transaction", "INSERT INTO public.sale VALUES (1)"]


@pytest.mark.parametrize("sql", ["SELEC 1", "SELECT (1", "SELECT 'a", "SELECT FROM WHERE"])
def test_what_is_no_sql_is_a_syntax_error(client, sql):
    with pytest.raises(ProgrammingError, match=r"42601.*syntax error"):
        client.run(sql)
    client.rollback()

    assert client.run("SELECT 1") == [[1]]
