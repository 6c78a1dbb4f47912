"""The tables of a warehouse are those that the files of sql/ declare, or the difference is named."""

from concurrent.futures import ThreadPoolExecutor

import duckdb
import pytest
from fixtures_warehouse import REVIEWS

from pipeline.core.errors import CheckFailed, PipelineError, SettingError
from pipeline.core.sql_files import read_sql
from pipeline.core.warehouse import creation, make

METRIC = "public.user_behavior_metric"
FILE = "user_behaviour/tables.sql"
ALL = [
    "created public.etl_load",
    "created the external schema spectrum",
    "created spectrum.user_purchase_staging",
    "created spectrum.classified_movie_review",
    "created public.user_behavior_metric",
    "created public.user_behavior_metric_etl_lock",
]
METRICS = f"SELECT * FROM {METRIC}"


@pytest.fixture
def change(monkeypatch):
    """Return what makes the files of the tables say something else."""

    def change(old, new):
        assert any(old in read_sql(file) for file in creation.table_files())
        monkeypatch.setattr(creation, "read_sql", lambda file: read_sql(file).replace(old, new))

    return change


@pytest.fixture
def far(redshift, settings):
    """A Redshift that is empty, for a lake in S3."""
    settings("lake", "root", "s3://bucket/lake")
    return make(redshift.url)


@pytest.fixture(params=["warehouse", "far"])
def any_warehouse(request):
    return request.getfixturevalue(request.param)


def columns_of(store, table):
    schema, name = table.split(".")
    view, keys = ("svv_columns", "table_schema = %(s)s AND table_name = %(t)s")
    if schema == "spectrum":
        view, keys = ("svv_external_columns", "schemaname = %(s)s AND tablename = %(t)s ORDER BY columnnum")
    return [row[2] for row in store.query(f"SELECT * FROM {view} WHERE {keys}", {"s": schema, "t": name})]


def test_what_is_missing_is_created_and_told_once(far):
    assert far.migrate() == ALL
    assert far.migrate() == []


def test_what_was_made_before_a_connection_was_lost_is_told_too(far, redshift):
    redshift.cut("CREATE EXTERNAL TABLE", before=False)

    assert far.migrate() == ALL


def test_a_dry_run_tells_the_statements_and_changes_nothing(far):
    due = far.migrate(dry_run=True)

    assert [statement for statement in due if statement.endswith("'s3://bucket/lake/stage/user_purchase/'")]
    assert far.query("SELECT * FROM svv_external_schemas") == []


def test_a_dry_run_on_a_file_leaves_its_tables_as_they_are(warehouse, change):
    warehouse.query(METRICS)
    change("review_score integer,", "review_score integer, note varchar(9),")

    assert warehouse.migrate(dry_run=True) == [f'ALTER TABLE {METRIC} ADD COLUMN "note" VARCHAR(9)']
    with duckdb.connect(str(warehouse.path)) as client:
        assert "note" not in [row[0] for row in client.execute(f"DESCRIBE {METRIC}").fetchall()]


def test_a_dry_run_leaves_a_file_that_has_no_catalogue_as_it_is(warehouse):
    warehouse.path = warehouse.path.with_name("mine.duckdb")
    with duckdb.connect(str(warehouse.path)) as client:
        client.execute("CREATE TABLE main.mine AS SELECT 1 AS one")

    assert len(warehouse.migrate(dry_run=True)) == len(ALL)
    with duckdb.connect(str(warehouse.path)) as client:
        assert client.execute("SELECT table_name FROM duckdb_tables()").fetchall() == [("mine",)]


def test_a_column_that_a_table_lacks_is_added(any_warehouse, change):
    any_warehouse.migrate()
    change("review_score integer,", "review_score integer, note varchar(9), share decimal(5, 4),")

    made = any_warehouse.migrate()

    assert made == [f"added note VARCHAR(9) to {METRIC}", f"added share DECIMAL(5, 4) to {METRIC}"]
    assert any_warehouse.query(f"SELECT note, share FROM {METRIC}") == []
    assert any_warehouse.migrate() == []


def test_a_column_that_an_external_table_lacks_is_added_before_its_keys(any_warehouse, change):
    any_warehouse.migrate()
    change("positive_review boolean", "positive_review boolean, score integer")

    assert any_warehouse.migrate() == [f"added score INTEGER to {REVIEWS}"]
    assert columns_of(any_warehouse, REVIEWS) == ["cid", "positive_review", "score", "insert_date"]
    assert any_warehouse.migrate() == []


def test_a_column_that_is_new_in_the_files_is_added_when_the_file_is_next_opened(warehouse, change):
    change("review_score integer,", "review_score integer, note varchar(9),")

    assert warehouse.query(f"SELECT note FROM {METRIC}") == []


def test_two_that_migrate_at_once_do_each_thing_once(far):
    with ThreadPoolExecutor() as pool:
        for one in [pool.submit(far.migrate) for _ in range(4)]:
            one.result()

    assert far.migrate() == []
    assert far.query("SELECT count(*) FROM svv_external_tables") == [(2,)]


def test_a_statement_that_fails_for_another_reason_is_not_passed_over(far, redshift):
    redshift.fail("CREATE EXTERNAL TABLE", "42501", "permission denied for schema spectrum")

    with pytest.raises(PipelineError, match=r"permission denied for schema spectrum \(CREATE EXTERNAL TABLE"):
        far.migrate()


def test_nobody_asks_for_the_external_tables_and_schemas_of_others(far, redshift):
    far.migrate()

    asked = {sql for sql in redshift.statements if "svv_external_tables" in sql or "svv_external_schemas" in sql}

    assert {sql.partition(" WHERE ")[2] for sql in asked} == {"schemaname IN ('spectrum')", "schemaname = $1"}


def test_tables_that_were_made_for_another_lake_are_refused(far, settings):
    far.migrate()
    settings("lake", "root", "s3://other/lake")

    with pytest.raises(
        SettingError, match=r"made for the lake at s3://bucket/lake/stage/user_purchase/, and \[lake\] root"
    ):
        far.migrate()


def test_an_external_schema_of_another_database_is_refused(far, change):
    far.migrate()
    change("DATABASE 'spectrumdb'", "DATABASE 'shopdb'")

    with pytest.raises(CheckFailed, match=r"spectrum is not as sql/user_behaviour/tables.sql.* spectrumdb, .* shopdb"):
        far.migrate()


def test_a_table_of_redshift_that_differs_is_named_with_what_to_do(far, change):
    far.migrate()
    change("review_score integer,", "review_score bigint,")

    with pytest.raises(CheckFailed, match=r"review_score is INTEGER, and declared as BIGINT\. ALTER it as the file"):
        far.migrate()


def test_an_external_table_of_redshift_that_differs_is_named_with_all_that_is_to_do(far, change):
    far.migrate()
    change("cid varchar(100)", "cid varchar(50)")

    with pytest.raises(CheckFailed, match=r"DROP TABLE it, .* lakeshift migrate, and add .* RangeDaily --of <the task"):
        far.migrate()


def test_the_lake_is_read_with_the_role_of_the_settings(far, settings):
    settings("warehouse", "spectrum_role", "arn:aws:iam::123456789012:role/lake,arn:aws:iam::210987654321:role/glue")

    [schema] = [statement for statement in far.migrate(dry_run=True) if "CREATE EXTERNAL SCHEMA" in statement]

    assert "IAM_ROLE 'arn:aws:iam::123456789012:role/lake,arn:aws:iam::210987654321:role/glue'" in schema


@pytest.mark.parametrize(
    ("old", "new", "difference"),
    [
        ("review_score integer,", "review_score bigint,", "review_score is INTEGER, and declared as BIGINT"),
        ("amount_spent decimal(18, 5)", "amount_spent decimal(18, 2)", "18, 5), and declared as DECIMAL(18, 2)"),
        ("    review_score integer,\n", "", "review_score is INTEGER, and not declared"),
    ],
)  # fmt: skip
def test_a_table_that_is_not_as_declared_is_named_with_what_to_do(warehouse, change, old, new, difference):
    change(old, new)

    for _ in range(2):
        with pytest.raises(CheckFailed) as refused:
            warehouse.query(METRICS)

        assert str(refused.value).startswith(f"{METRIC} is not as sql/{FILE} declares it: ")
        assert difference in str(refused.value)
        assert f"ALTER it with a DuckDB client, or remove {warehouse.path} and load again" in str(refused.value)


def test_every_column_that_differs_is_named(warehouse, change):
    change("review_score integer,\n    review_count integer,", "review_score smallint, review_count smallint,")

    with pytest.raises(CheckFailed, match=r"review_score is INTEGER.*; review_count is INTEGER"):
        warehouse.query(METRICS)


def test_a_text_with_another_length_is_another_type(warehouse, change):
    change("table_name varchar(200)", "table_name varchar(300)")

    with pytest.raises(CheckFailed, match=r"table_name is VARCHAR\(200\), and declared as VARCHAR\(300\)"):
        warehouse.query(METRICS)


@pytest.mark.parametrize(
    ("old", "new", "difference"),
    [
        ("cid varchar(100)", "cid varchar(50)", r"cid is VARCHAR\(100\), and declared as VARCHAR\(50\)"),
        ("(insert_date date)", "(insert_date date, hour integer)", "hour is missing, and declared as a partition key"),
    ],
)
def test_an_external_table_that_is_not_as_declared_is_named(warehouse, change, old, new, difference):
    change(old, new)

    with pytest.raises(CheckFailed, match=difference) as refused:
        warehouse.query(METRICS)

    assert str(refused.value).endswith(f". Remove {warehouse.path} and load again.")


def test_a_table_that_was_altered_is_as_declared(warehouse, change):
    change("review_score integer,", "review_score bigint, note varchar(9),")
    with duckdb.connect(str(warehouse.path)) as client:
        client.execute(f"ALTER TABLE {METRIC} ALTER review_score TYPE BIGINT")
        client.execute(f"ALTER TABLE {METRIC} ADD COLUMN note VARCHAR")

    assert warehouse.query(METRICS) == []


def test_another_spelling_of_the_same_is_no_difference(warehouse, change):
    change("customerid integer,\n    amount", "CustomerID INT4 NOT NULL,\n    amount")

    assert warehouse.query(METRICS) == []
    assert warehouse.query(f"SELECT * FROM {REVIEWS}") == []
