"""What every warehouse can do: run and check files, load partitions, keep many external partitions."""

import datetime

import pytest
from fixtures_warehouse import DAY, OTHER_DAY, REVIEWS

from pipeline.core.errors import CommitLost, PipelineError
from pipeline.core.etl_load import Load, LoadState, Part
from pipeline.core.lake import Input, Partition
from pipeline.core.warehouse import base, make, warehouse

TABLE = "public.user_behavior_metric"
PARTITION = Partition.of_date(DAY)
ROWS = f"SELECT customerid FROM {TABLE} ORDER BY 1"


@pytest.fixture
def files(warehouse, monkeypatch):
    """The files of sql/ by their names, for the length of a test whose tables are there already."""
    files: dict[str, str] = {}
    monkeypatch.setattr(base, "read_sql", files.__getitem__)
    return files


def load_customer(warehouse, customer, attempt, seen=LoadState()):  # noqa: B008
    load = Load(TABLE, attempt, "v1", {PARTITION: Part("task", seen, (Input("stage/x", str(PARTITION), "a"),))})
    sql = f"INSERT INTO {TABLE} (customerid, insert_date) VALUES (%(customer)s, %(day)s)"
    warehouse.load_partition(load, lambda cursor, _: cursor.execute(sql, {"customer": customer, "day": DAY}))


def test_the_settings_name_the_warehouse(settings, tmp_path):
    settings("warehouse", "url", f"duckdb:{tmp_path}/named.duckdb")

    assert warehouse().query("SELECT 1") == [(1,)]
    assert (tmp_path / "named.duckdb").exists()


def test_a_warehouse_of_another_make_is_refused():
    with pytest.raises(ValueError, match="no warehouse: sqlite:x"):
        make("sqlite:x")


def test_a_partition_is_loaded_with_its_row_in_etl_load(warehouse):
    load_customer(warehouse, 1, "first")

    assert warehouse.query(ROWS) == [(1,)]
    assert warehouse.query("SELECT attempt, row_count FROM public.etl_load") == [("first", 1)]
    assert warehouse.load_state(TABLE, PARTITION).is_complete


def test_a_partition_that_is_loaded_is_left_alone(warehouse):
    load_customer(warehouse, 1, "first")

    with pytest.raises(CommitLost, match="attempt first loaded it already"):
        load_customer(warehouse, 2, "second")

    assert warehouse.query(ROWS) == [(1,)]


def test_a_partition_that_was_asked_for_again_is_replaced(warehouse):
    load_customer(warehouse, 1, "first")
    warehouse.request_rerun(TABLE, PARTITION)
    assert not warehouse.load_state(TABLE, PARTITION).is_complete

    load_customer(warehouse, 2, "second", warehouse.load_state(TABLE, PARTITION))

    assert warehouse.query(ROWS) == [(2,)]
    assert warehouse.loaded_partitions(TABLE) == {str(PARTITION)}


def test_a_load_that_fails_leaves_the_last_good_rows(warehouse):
    load_customer(warehouse, 1, "first")
    warehouse.request_rerun(TABLE, PARTITION)

    with pytest.raises(PipelineError, match="Could not convert"):
        load_customer(warehouse, "nobody", "second", warehouse.load_state(TABLE, PARTITION))

    assert warehouse.query(ROWS) == [(1,)]


def test_a_file_runs_statement_by_statement_and_tells_what_the_last_wrote(warehouse, files):
    files["x.sql"] = "CREATE TABLE public.x AS SELECT 1 AS a;\nINSERT INTO public.x VALUES (%(a)s), (%(a)s), (3);"

    with warehouse.transaction() as cursor:
        assert warehouse.run_file(cursor, "x.sql", {"a": 2}) == 3

    assert warehouse.query("SELECT a FROM public.x ORDER BY 1") == [(1,), (2,), (2,), (3,)]


def test_promises_that_hold_are_not_named(warehouse, files):
    files["x_checks.sql"] = "SELECT 'x' AS insert_date, 'a' AS promise, 1 AS broken_rows WHERE 1 = 2"

    with warehouse.transaction() as cursor:
        assert warehouse.check_file(cursor, "x_checks.sql") == {}


def test_every_broken_promise_of_each_day_is_named(warehouse, files):
    files["user/x_checks.sql"] = """
        SELECT day.insert_date, 'a is b' AS promise, 1 AS broken_rows
        FROM (SELECT date '2010-12-01' AS insert_date UNION ALL SELECT date '2010-12-02') AS day
        WHERE day.insert_date IN %(insert_dates)s
        ORDER BY 1;
        SELECT date '2010-12-01' AS insert_date, 'c is d', 2000;
    """

    with warehouse.transaction() as cursor:
        broken = warehouse.check_file(cursor, "user/x_checks.sql", {"insert_dates": (DAY, OTHER_DAY)})

    assert list(broken) == [PARTITION, Partition.of_date(OTHER_DAY)]
    assert str(broken[PARTITION]).startswith("x insert_date=2010-12-01: a is b (1 row); c is d (2,000 rows). Nothing")
    assert "sql/user/x_checks.sql" in str(broken[PARTITION])


def test_more_partitions_than_one_statement_takes_are_added(warehouse):
    days = [DAY + datetime.timedelta(days=number) for number in range(150)]
    locations = {Partition.of_date(day): f"/lake/{day}" for day in days}

    warehouse.set_external_partitions(REVIEWS, locations)

    assert warehouse.external_partitions(REVIEWS) == {day.value: place for day, place in locations.items()}
