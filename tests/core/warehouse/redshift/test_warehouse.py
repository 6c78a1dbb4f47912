"""The door to Redshift, on a server that speaks its protocol."""

from __future__ import annotations

import time

import psutil
import pytest
import redshift_connector
from fixtures_redshift import CONNECT, PASSWORD
from processes import wait_until

from pipeline.core.errors import JobFailed, PipelineError, Retryable, SettingError, SourceUnavailable
from pipeline.core.warehouse import make

LOCK = 'LOCK TABLE "public"."sale_etl_lock"'
COUNT = "SELECT count(*) FROM public.sale"
INSERT = "INSERT INTO public.sale VALUES (%(id)s)"


@pytest.fixture
def store(redshift, settings):
    """The warehouse of a server with a table, and the table that its loads lock."""
    store = make(redshift.url)
    with store.transaction() as cursor:
        cursor.execute("CREATE TABLE public.sale (id integer)")
        cursor.execute("CREATE TABLE public.sale_etl_lock (id integer)")
    return store


def test_a_transaction_is_committed_at_its_end(store):
    with store.transaction() as cursor:
        cursor.execute(INSERT, {"id": 7})
        written = cursor.rowcount

    assert written == 1
    assert store.query("SELECT id % 4 AS rest, '100%' AS share FROM public.sale") == [(3, "100%")]


def test_a_transaction_that_fails_leaves_nothing_and_is_rolled_back(store, redshift):
    with pytest.raises(ZeroDivisionError), store.transaction() as cursor:
        cursor.execute(INSERT, {"id": 7})
        _ = 1 / 0

    assert redshift.statements[-1] == "rollback"
    assert store.query(COUNT) == [(0,)]


def test_a_statement_that_returns_nothing_has_no_columns_and_no_rows(store):
    table = store.query_table(INSERT, {"id": 7})

    assert (table.columns, table.rows) == ([], [])


def test_a_connection_lasts_one_transaction(store, redshift):
    with store.transaction() as cursor:
        cursor.execute(COUNT)
        during = len(redshift.sessions())

    assert during == 1
    wait_until(lambda: redshift.sessions() == [])


def test_no_statement_takes_longer_than_the_settings_say(store, settings, redshift):
    settings("warehouse", "statement_seconds", "1")

    with pytest.raises(JobFailed, match=r"cancelled on user's request \(SELECT sum.*statement_seconds"):
        store.query("SELECT sum(a.range * b.range) FROM range(1000000) AS a CROSS JOIN range(1000000) AS b")

    assert "SET statement_timeout TO 1000" in redshift.statements


def test_a_value_that_is_missing_is_named(store):
    with pytest.raises(PipelineError, match=r"INSERT INTO public.sale .*no value was given for 'id'"):
        store.query(INSERT, {"other": 7})


def test_a_tuple_is_bound_as_a_list(store, redshift):
    with store.transaction() as cursor:
        for number in range(4):
            cursor.execute(INSERT, {"id": number})

    rows = store.query("SELECT id FROM public.sale WHERE id IN %(ids)s ORDER BY id", {"ids": (1, 3, 7)})

    assert rows == [(1,), (3,)]
    assert "SELECT id FROM public.sale WHERE id IN ($1, $2, $3) ORDER BY id" in redshift.statements


def test_a_table_that_sql_declares_is_created_by_migrate(store):
    with pytest.raises(SourceUnavailable, match=r'relation "etl_load" does not exist .*lakeshift migrate$'):
        store.query("SELECT * FROM public.etl_load")


def test_of_a_table_that_nothing_declares_no_more_is_said_than_that_it_is_missing(store):
    with pytest.raises(PipelineError, match=r'relation "etl_laod" does not exist \(SELECT \* FROM public.etl_laod\)$'):
        store.query("SELECT * FROM public.etl_laod")


def test_a_table_that_another_keeps_is_given_up_with_who_it_is(store, settings, redshift):
    settings("warehouse", "wait_seconds", "1")
    with store.transaction() as holder:
        holder.execute(LOCK)
        [session] = redshift.sessions()

        with pytest.raises(SourceUnavailable) as busy, store.transaction() as cursor:
            cursor.execute(LOCK)

    told = str(busy.value)
    assert told.startswith("public.sale_etl_lock was kept by another transaction for 1 s: by tester, process ")
    assert f"SELECT pg_terminate_backend({session['pid']})" in told


def test_what_is_ended_as_the_message_says_lets_the_next_one_go_on(store, settings, redshift):
    with pytest.raises(Retryable, match="connection was lost"), store.transaction() as holder:
        holder.execute(LOCK)
        holder.execute(INSERT, {"id": 7})
        store.query(f"SELECT pg_terminate_backend({redshift.sessions()[0]['pid']})")
        with store.transaction() as cursor:
            cursor.execute(LOCK)
        holder.execute(COUNT)

    assert store.query(COUNT) == [(0,)]


def test_after_the_lock_a_statement_may_take_its_time_again(store, settings, redshift):
    settings("warehouse", "wait_seconds", "5")
    with store.transaction() as cursor:
        cursor.execute(LOCK)

    limits = [statement for statement in redshift.statements if statement.startswith("SET statement_timeout")]
    assert limits[-3:] == [f"SET statement_timeout TO {seconds}000" for seconds in (3600, 5, 3600)]


def test_a_statement_outside_a_transaction_is_not_said_to_have_changed_nothing(store, redshift):
    redshift.cut("INSERT", before=False)

    with pytest.raises(Retryable) as lost, store.autocommit() as cursor:
        cursor.execute(INSERT, {"id": 7})

    assert "othing was changed" not in str(lost.value)
    assert store.query(COUNT) == [(1,)]


def test_a_commit_without_an_answer_is_not_tried_again(store, redshift):
    redshift.cut("commit", before=False)

    with pytest.raises(SourceUnavailable, match="COMMIT was not answered") as unknown, store.transaction() as cursor:
        cursor.execute(INSERT, {"id": 7})

    assert not isinstance(unknown.value, Retryable)
    assert store.query(COUNT) == [(1,)]


def test_a_commit_that_is_refused_may_be_tried_again(store, redshift):
    redshift.fail("commit", "XX000", "1023", detail="Serializable isolation violation on table - 1")

    with pytest.raises(Retryable, match="Serializable isolation violation"), store.transaction() as cursor:
        cursor.execute(INSERT, {"id": 7})

    assert store.query(COUNT) == [(0,)]


@pytest.mark.parametrize(
    ("code", "message"), [("53300", 'connection limit "500" exceeded'), ("57P03", "the system is starting up")]
)
def test_a_server_that_takes_no_connection_yet_is_tried_again(store, redshift, code, message):
    redshift.fail(CONNECT, code, message)

    assert store.query(COUNT) == [(0,)]


def test_a_wrong_password_is_a_matter_of_the_settings_and_not_shown(redshift, settings):
    wrong = make(redshift.url.replace(PASSWORD, "trapdoor"))

    with pytest.raises(SettingError, match="password authentication failed") as refused:
        wrong.query("SELECT 1")

    assert "trapdoor" not in f"{refused.value!r} {refused.value.__cause__!r}"


def test_a_login_that_fails_leaves_no_connection_open(redshift, settings):
    with pytest.raises(SettingError):
        make(redshift.url.replace(PASSWORD, "trapdoor")).query("SELECT 1")

    there = [one.raddr.port for one in psutil.Process().net_connections() if one.raddr]
    assert redshift.port not in there


def test_a_server_that_is_not_there_is_named(settings):
    with pytest.raises(Retryable, match=r"^Redshift at 127.0.0.1:1/dev cannot be reached"):
        make("redshift://me:trapdoor@127.0.0.1:1/dev?sslmode=disable")._connect()


def test_a_server_that_falls_silent_is_given_up_and_not_waited_for_again(store, settings, redshift, monkeypatch):
    monkeypatch.setattr("pipeline.core.warehouse.redshift.cursor.GRACE_SECONDS", 0)
    settings("warehouse", "statement_seconds", "1")
    redshift.hold("INSERT")

    begun = time.monotonic()
    with pytest.raises(SourceUnavailable, match=r"did not answer in time \(INSERT") as told:
        store.query(INSERT, {"id": 7})

    assert not isinstance(told.value, Retryable)
    assert time.monotonic() - begun < 5
    redshift.release()


def test_what_is_done_in_a_transaction_is_undone_when_the_process_is_told_to_end(store):
    with pytest.raises(KeyboardInterrupt), store.transaction() as cursor:
        cursor.execute(INSERT, {"id": 7})
        raise KeyboardInterrupt

    assert store.query(COUNT) == [(0,)]


def test_the_style_of_parameters_is_left_alone_for_others(store):
    store.query(COUNT)

    assert redshift_connector.paramstyle == "format"


def test_a_warehouse_of_another_lake_is_refused_before_anything_is_done(redshift, settings):
    settings("lake", "root", "s3://bucket/lake")
    make(redshift.url).migrate()
    settings("lake", "root", "s3://other/lake")

    for _ in range(2):
        with pytest.raises(
            SettingError, match=r"made for the lake at s3://bucket/lake/stage.* root is s3://other/lake"
        ):
            make(redshift.url).query("SELECT count(*) FROM public.etl_load")


def test_the_lake_is_looked_at_once_a_process(store, redshift):
    for _ in range(3):
        store.query(COUNT)

    assert len([statement for statement in redshift.statements if "svv_external_tables" in statement]) == 1
