"""Whatever partitions a condition leaves out, the rows are those of a table that is read whole."""

import datetime

import pytest
from fixtures_warehouse import DAY, REVIEWS, given_reviews
from hypothesis import HealthCheck, example, given, settings, strategies

DAYS = [DAY + datetime.timedelta(days=number) for number in range(3)]

sides = strategies.sampled_from(["a", "b"])
atoms = strategies.one_of(
    strategies.builds("{}.insert_date {} %(day)s".format, sides, strategies.sampled_from(["=", "<", ">=", "<>"])),
    strategies.builds("{}.insert_date {} %(days)s".format, sides, strategies.sampled_from(["IN", "NOT IN"])),
    strategies.builds("{}.insert_date IS {}".format, sides, strategies.sampled_from(["NULL", "NOT NULL"])),
    strategies.builds("coalesce({}.insert_date, %(day)s) = %(day)s".format, sides),
    strategies.builds("{}.cid = '2'".format, sides),
    strategies.just("a.insert_date = b.insert_date"),
)
conditions = strategies.recursive(
    atoms,
    lambda inner: strategies.one_of(
        strategies.builds("({} AND {})".format, inner, inner),
        strategies.builds("({} OR {})".format, inner, inner),
        strategies.builds("NOT ({})".format, inner),
    ),
    max_leaves=4,
)
joins = strategies.sampled_from(["JOIN", "LEFT JOIN", "RIGHT JOIN", "FULL JOIN"])


@pytest.fixture
def cursor(warehouse):
    """A transaction that sees reviews of three days, in the external table and in public.review."""
    for customer, day in enumerate(DAYS, start=1):
        given_reviews(warehouse, customer, positive=[True], day=day)
        given_reviews(warehouse, customer=2 if day == DAY else 4, positive=[False], day=day)
    with warehouse.transaction() as cursor:
        cursor.execute(f"CREATE TABLE public.review AS SELECT * FROM {REVIEWS}")
        yield cursor


def rows(cursor, table, join, on, where):
    sql = f"SELECT * FROM {table} AS a {join} {table} AS b ON {on} WHERE {where}"
    cursor.execute(sql, {"day": DAYS[1], "days": tuple(DAYS[1:])})
    return sorted(cursor.fetchall(), key=str)


@example(join="LEFT JOIN", on="a.insert_date = b.insert_date", where="b.insert_date IS NULL")
@example(join="FULL JOIN", on="b.insert_date = %(day)s", where="a.insert_date IS NULL")
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(join=joins, on=conditions, where=conditions)
def test_pruning_changes_no_result(cursor, join, on, where):
    read_in_part = rows(cursor, REVIEWS, join, f"a.cid = b.cid AND {on}", where)

    assert read_in_part == rows(cursor, "public.review", join, f"a.cid = b.cid AND {on}", where)
