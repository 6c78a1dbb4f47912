"""The embedded warehouse keeps transactions, tables and the external catalogue in one file."""

import duckdb
import pytest
from fixtures_warehouse import DAY, REVIEWS, given_reviews

from pipeline.core import config
from pipeline.core.errors import PipelineError, SettingError, SourceUnavailable
from pipeline.core.lake import Partition
from pipeline.core.sql_files import read_sql
from pipeline.core.warehouse import creation, make

ADD = f"ALTER TABLE {REVIEWS} ADD PARTITION (insert_date='2010-12-01') LOCATION '/lake/a'"
INSERT = "INSERT INTO public.user_behavior_metric (customerid) VALUES (1)"
METRICS = "SELECT count(*) FROM public.user_behavior_metric"


def test_the_tables_are_there_when_the_file_is_first_opened(warehouse):
    warehouse.path.unlink()

    assert warehouse.query(METRICS) == [(0,)]
    assert warehouse.query("SELECT tablename FROM svv_external_tables ORDER BY 1") == [
        ("classified_movie_review",),
        ("user_purchase_staging",),
    ]


def test_any_duckdb_client_opens_the_file(warehouse):
    with warehouse.transaction() as cursor:
        cursor.execute(INSERT)

    with duckdb.connect(str(warehouse.path), read_only=True) as client:
        assert client.execute("SELECT customerid FROM public.user_behavior_metric").fetchall() == [(1,)]


def test_tables_that_were_added_to_the_files_are_created(warehouse, monkeypatch):
    warehouse.query(METRICS)
    added = "CREATE TABLE IF NOT EXISTS public.added (id integer)"
    monkeypatch.setattr(creation, "table_files", lambda: ["tables.sql", "added.sql"])
    monkeypatch.setattr(creation, "read_sql", lambda name: added)

    assert warehouse.query("SELECT count(*) FROM public.added") == [(0,)]


def given_changed_files(monkeypatch):
    """Make the files of the tables say the same in other words."""
    monkeypatch.setattr(creation, "read_sql", lambda name: f"-- Changed.\n{read_sql(name)}")


def test_creating_the_tables_again_changes_nothing(warehouse, monkeypatch):
    given_reviews(warehouse, customer=1, positive=[True])

    given_changed_files(monkeypatch)

    assert warehouse.query(f"SELECT cid FROM {REVIEWS}") == [("1",)]


def test_the_external_tables_lie_in_the_lake_whatever_its_name(settings, tmp_path):
    settings("lake", "root", "/home/o'brien/my lake")

    rows = make(f"duckdb:{tmp_path}/w.duckdb").query("SELECT location FROM svv_external_tables ORDER BY 1")

    assert rows[0] == ("/home/o'brien/my lake/stage/classified_movie_review/",)


def test_a_lake_that_sql_cannot_name_is_a_malformed_setting(settings, tmp_path):
    settings("lake", "root", "/lake\\x")

    with pytest.raises(SettingError, match=r"\[lake\] root = /lake\\x"):
        make(f"duckdb:{tmp_path}/w.duckdb").query(METRICS)


def test_a_warehouse_of_another_lake_is_refused(warehouse, settings):
    made_for = config.lake().root
    settings("lake", "root", "s3://new/lake")

    with pytest.raises(SettingError) as refused:
        warehouse.query(METRICS)

    assert str(refused.value).startswith(f"[warehouse] url = duckdb:{warehouse.path} was made for the lake {made_for},")
    assert "s3://new/lake" in str(refused.value)


def test_a_lake_is_the_same_with_and_without_a_slash_at_its_end(warehouse, settings):
    settings("lake", "root", f"{config.lake().root}/")

    assert warehouse.query(METRICS) == [(0,)]


def test_a_warehouse_from_before_lakes_were_noted_takes_the_one_in_force(warehouse, settings):
    with duckdb.connect(str(warehouse.path)) as client:
        client.execute("ALTER TABLE catalogue.created_from DROP COLUMN lake_root")

    assert warehouse.query(METRICS) == [(0,)]

    settings("lake", "root", "/new/lake")
    with pytest.raises(SettingError, match="was made for the lake"):
        warehouse.query(METRICS)


def test_a_transaction_that_fails_leaves_nothing(warehouse):
    with pytest.raises(RuntimeError), warehouse.transaction() as cursor:
        cursor.execute(INSERT)
        raise RuntimeError

    assert warehouse.query(METRICS) == [(0,)]


def test_the_error_of_a_statement_survives_the_rollback(warehouse):
    with pytest.raises(PipelineError, match="Could not convert"), warehouse.transaction() as cursor:
        cursor.execute(INSERT)
        cursor.execute("SELECT cast('x' AS integer)")

    assert warehouse.query(METRICS) == [(0,)]


def test_a_cursor_tells_how_many_rows_it_wrote(warehouse):
    with warehouse.transaction() as cursor:
        cursor.execute("INSERT INTO public.user_behavior_metric (customerid) SELECT 1 UNION ALL SELECT 2")

        assert (cursor.rowcount, cursor.description, cursor.fetchall(), cursor.fetchone()) == (2, None, [], None)


def test_a_query_called_count_is_a_query(warehouse):
    table = warehouse.query_table('SELECT 5 AS "Count"')

    assert table == (["Count"], [(5,)])


@pytest.mark.parametrize(
    "statement", [ADD, f"DROP TABLE {REVIEWS}", "CREATE EXTERNAL SCHEMA s FROM DATA CATALOG DATABASE 'd'"]
)
def test_the_external_catalogue_is_not_changed_in_a_transaction(warehouse, statement):
    with pytest.raises(PipelineError, match="cannot run inside a transaction block"), warehouse.transaction() as cursor:
        cursor.execute(statement)

    assert warehouse.external_partitions(REVIEWS) == {}


def test_a_lock_is_for_a_transaction_and_a_table_that_is_there(warehouse):
    with warehouse.transaction() as cursor:
        cursor.execute("LOCK public.user_behavior_metric_etl_lock")

    with pytest.raises(PipelineError, match="does not exist"), warehouse.transaction() as cursor:
        cursor.execute("LOCK TABLE public.nothing")
    with pytest.raises(PipelineError, match="needs a transaction"), warehouse.autocommit() as cursor:
        cursor.execute("LOCK public.user_behavior_metric_etl_lock")


def test_a_table_of_the_warehouse_is_dropped_in_a_transaction(warehouse):
    with warehouse.transaction() as cursor:
        cursor.execute("CREATE TABLE public.gone (id integer)")
        cursor.execute("DROP TABLE public.gone")

    with pytest.raises(PipelineError, match="gone"):
        warehouse.query("SELECT * FROM public.gone")


def test_a_file_that_is_no_warehouse_is_named(settings, tmp_path):
    path = tmp_path / "w.duckdb"
    path.write_text("not a database at all" * 1000)

    with pytest.raises(SourceUnavailable, match=f"The warehouse {path} cannot be opened"):
        make(f"duckdb:{path}").query(METRICS)


def test_a_transaction_inside_another_is_refused_at_once(warehouse):
    with pytest.raises(PipelineError, match="use the cursor of that transaction"), warehouse.transaction():
        warehouse.query(METRICS)

    assert warehouse.external_location(REVIEWS, Partition.of_date(DAY)) is None
