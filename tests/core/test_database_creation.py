"""The tables of PostgreSQL are those that the files of sql/ declare, or the difference is named."""

from concurrent.futures import ThreadPoolExecutor

import psycopg2
import pytest

from pipeline.core.database import Database, creation
from pipeline.core.errors import CheckFailed
from pipeline.core.sql_files import read_sql

FILE = "user_behaviour/database.sql"
STOCKS = "stocks/database.sql"
TABLE = "retail.user_purchase"
VIEW = "public.historical_stocks_data_text"


@pytest.fixture
def empty(database_url):
    return Database(database_url)


@pytest.fixture
def change(monkeypatch):
    """Return what makes the files of the tables say something else."""

    def change(old, new, file=FILE):
        read = creation.read_sql
        assert old in read(file)
        monkeypatch.setattr(creation, "read_sql", lambda file: read(file).replace(old, new))

    return change


def test_what_is_missing_is_created_and_told_once(empty):
    first, *made = empty.migrate()

    assert first == "created the table public.etl_load"
    assert [line for line in made if "retail" in line] == [
        "created the schema retail",
        f"created the table {TABLE}",
        f"created the index {TABLE}_invoice_date",
    ]
    assert empty.migrate() == []


def test_a_dry_run_tells_the_statements_and_changes_nothing(empty):
    due = empty.migrate(dry_run=True)

    assert [sql for sql in due if sql.endswith("CREATE SCHEMA IF NOT EXISTS retail")]
    assert empty.query("SELECT to_regnamespace('retail')") == [(None,)]


def test_a_column_that_a_table_lacks_is_added_and_its_rows_stay(empty, change):
    empty.migrate()
    with empty.transaction() as cursor:
        cursor.execute(f"INSERT INTO {TABLE} (quantity) VALUES (1)")
    change("quantity int,", 'quantity int, "Note" varchar(9),')

    assert empty.migrate() == [f"added Note VARCHAR(9) to {TABLE}"]
    assert empty.query(f'SELECT quantity, "Note" FROM {TABLE}') == [(1, None)]
    assert empty.migrate() == []


@pytest.mark.parametrize(
    ("old", "new", "difference"),
    [
        ("quantity int,", "quantity bigint,", "quantity is INT, and declared as BIGINT"),
        ("country varchar(20)", "country varchar", r"country is VARCHAR\(20\), and declared as VARCHAR\."),
    ],
)
def test_a_table_that_differs_otherwise_is_named(empty, change, old, new, difference):
    empty.migrate()
    change(old, new)

    with pytest.raises(CheckFailed, match=f"{TABLE} is not as sql/{FILE} declares it: {difference}"):
        empty.migrate()


def test_a_column_that_others_added_to_a_table_is_no_difference(empty):
    empty.migrate()
    with empty.transaction() as cursor:
        cursor.execute(f"ALTER TABLE {TABLE} ADD COLUMN loyalty_points int")

    assert empty.migrate() == []


def test_nothing_is_added_to_a_table_that_also_differs_otherwise(empty, change):
    empty.migrate()
    change("quantity int,", "extra int, quantity bigint,")

    with pytest.raises(CheckFailed):
        empty.migrate()

    with pytest.raises(psycopg2.errors.UndefinedColumn):
        empty.query(f"SELECT extra FROM {TABLE}")


@pytest.mark.parametrize(
    ("old", "new"), [("quantity int,", "quantity INT4,"), ("customer_id int", "customer_id serial")]
)
def test_another_spelling_of_the_same_is_no_difference(empty, change, old, new):
    empty.migrate()
    change(old, new)

    assert empty.migrate() == []


def test_two_that_migrate_at_once_do_each_thing_once(empty):
    with ThreadPoolExecutor() as pool:
        made = [line for one in [pool.submit(empty.migrate) for _ in range(4)] for line in one.result()]

    assert len(made) == len(set(made))
    assert empty.migrate() == []


def test_a_view_is_left_to_its_readers(empty, database_url):
    empty.migrate()

    with empty.transaction() as cursor:
        cursor.execute(f"SELECT * FROM {VIEW}")
        assert Database(database_url, wait_seconds=1).migrate() == []


def test_a_view_that_says_something_else_is_replaced(empty, change):
    empty.migrate()
    change("trim_scale(close_value)", "(close_value)", file=STOCKS)

    assert empty.migrate() == [f"replaced the view {VIEW}"]
    assert empty.migrate() == []


def test_a_table_that_is_not_partitioned_as_declared_is_named(empty):
    empty.migrate()
    with empty.transaction() as cursor:
        cursor.execute("DROP TABLE public.historical_stocks_data CASCADE")
        cursor.execute(read_sql(STOCKS).split(";")[0].replace("PARTITION BY LIST (company_name)", ""))

    with pytest.raises(CheckFailed, match="it is not PARTITION BY LIST"):
        empty.migrate()


def test_a_view_of_other_columns_is_named(empty):
    empty.migrate()
    with empty.transaction() as cursor:
        cursor.execute(f"DROP VIEW {VIEW}; CREATE VIEW {VIEW} AS SELECT 1 AS other")

    with pytest.raises(CheckFailed, match=f"VIEW {VIEW} .*cannot change name of view column .*DROP VIEW"):
        empty.migrate()


def test_a_view_comes_after_the_column_that_it_shows(empty, change):
    empty.migrate()
    change("\n    company_name text\n)", "\n    company_name text,\n    note text\n)", file=STOCKS)
    change("company_name\nFROM", "company_name,\n    note\nFROM", file=STOCKS)

    added = f"added note TEXT to {VIEW.removesuffix('_text')}"
    assert empty.migrate() == [added, f"replaced the view {VIEW}"]
