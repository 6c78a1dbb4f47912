"""The tables of a warehouse are those that the files of sql/ declare, or the difference is named."""

import duckdb
import pytest
from fixtures_warehouse import REVIEWS

from pipeline.core.errors import CheckFailed
from pipeline.core.sql_files import read_sql
from pipeline.core.warehouse import creation

METRIC = "public.user_behavior_metric"
FILE = "user_behaviour/tables.sql"
METRICS = f"SELECT * FROM {METRIC}"


@pytest.fixture
def change(monkeypatch):
    """Return what makes the files of the tables say something else."""

    def change(old, new):
        assert any(old in read_sql(file) for file in creation.table_files())
        monkeypatch.setattr(creation, "read_sql", lambda file: read_sql(file).replace(old, new))

    return change


@pytest.mark.parametrize(
    ("old", "new", "difference"),
    [
        ("review_score integer,", "review_score bigint,", "review_score is INTEGER, and declared as BIGINT"),
        ("amount_spent decimal(18, 5)", "amount_spent decimal(18, 2)", "DECIMAL(18,5), and declared as DECIMAL(18,2)"),
        ("review_score integer,", "review_score integer, note varchar(9),", "note is missing, and declared as VARCHAR"),
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
        ("positive_review boolean", "positive_review boolean, score integer", "score is missing"),
        ("(insert_date date)", "(insert_date date, hour integer)", "hour is missing, and declared as INTEGER"),
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
