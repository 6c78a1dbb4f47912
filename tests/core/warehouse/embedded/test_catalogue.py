"""The catalogue of external tables changes as Redshift's does."""

import pytest
from fixtures_warehouse import DAY, OTHER_DAY, PURCHASES, REVIEWS

from pipeline.core.errors import PipelineError
from pipeline.core.lake import Partition

FIRST, SECOND = Partition.of_date(DAY), Partition.of_date(OTHER_DAY)


def run(warehouse, *statements):
    with warehouse.autocommit() as cursor:
        for statement in statements:
            cursor.execute(statement)


def test_a_partition_lies_where_it_was_put(warehouse):
    warehouse.set_external_partitions(REVIEWS, {FIRST: "/lake/a"})

    assert warehouse.external_location(REVIEWS, FIRST) == "/lake/a"
    assert warehouse.external_location(REVIEWS, SECOND) is None
    assert warehouse.external_partitions(PURCHASES) == {}


def test_a_partition_is_moved_and_others_stay(warehouse):
    warehouse.set_external_partitions(REVIEWS, {FIRST: "/lake/a", SECOND: "/lake/b"})

    warehouse.set_external_partitions(REVIEWS, {FIRST: "/lake/o'brien/c"})

    assert warehouse.external_partitions(REVIEWS) == {FIRST.value: "/lake/o'brien/c", SECOND.value: "/lake/b"}


def test_the_catalogue_is_shown_as_redshift_shows_it(warehouse):
    warehouse.set_external_partitions(REVIEWS, {FIRST: "/lake/a"})

    rows = warehouse.query("SELECT schemaname, tablename, values, location FROM svv_external_partitions")

    assert rows == [("spectrum", "classified_movie_review", '["2010-12-01"]', "/lake/a")]


def test_adding_a_partition_that_is_there_changes_nothing(warehouse):
    warehouse.set_external_partitions(REVIEWS, {FIRST: "/lake/a"})

    run(warehouse, f"ALTER TABLE {REVIEWS} ADD IF NOT EXISTS PARTITION (insert_date='2010-12-01') LOCATION '/lake/b'")

    assert warehouse.external_location(REVIEWS, FIRST) == "/lake/a"


def test_a_dropped_partition_is_gone(warehouse):
    warehouse.set_external_partitions(REVIEWS, {FIRST: "/lake/a", SECOND: "/lake/b"})

    run(warehouse, f"ALTER TABLE {REVIEWS} DROP PARTITION (insert_date='2010-12-01')")

    assert warehouse.external_partitions(REVIEWS) == {SECOND.value: "/lake/b"}


def test_a_dropped_table_takes_its_partitions_along(warehouse):
    warehouse.set_external_partitions(REVIEWS, {FIRST: "/lake/a"})

    run(
        warehouse,
        f"DROP TABLE {REVIEWS}",
        f"CREATE EXTERNAL TABLE {REVIEWS} (cid varchar(100)) PARTITIONED BY (insert_date date)"
        " STORED AS PARQUET LOCATION '/lake'",
    )

    assert warehouse.external_partitions(REVIEWS) == {}


def test_a_table_without_partitions_is_pointed_elsewhere(warehouse):
    run(
        warehouse,
        "CREATE EXTERNAL TABLE spectrum.zone (id integer) STORED AS PARQUET LOCATION '/lake/a'",
        "ALTER TABLE spectrum.zone SET LOCATION '/lake/b'",
    )

    assert warehouse.query("SELECT location FROM svv_external_tables WHERE tablename = 'zone'") == [("/lake/b",)]


def test_two_spellings_of_a_value_are_one_partition(warehouse):
    warehouse.set_external_partitions(REVIEWS, {FIRST: "/lake/a"})

    run(warehouse, f"ALTER TABLE {REVIEWS} PARTITION (insert_date='2010-12-1') SET LOCATION '/lake/b'")

    assert warehouse.external_partitions(REVIEWS) == {FIRST.value: "/lake/b"}


@pytest.mark.parametrize(
    ("statement", "reason"),
    [
        ("ADD PARTITION (insert_date='2010-12-01') LOCATION 'x'", "already has the partition"),
        ("ADD PARTITION (insert_date='2010-13-01') LOCATION 'x'", "'2010-13-01' is no date for insert_date"),
        ("ADD PARTITION (month='2010-12') LOCATION 'x'", "partitioned by insert_date, not by month"),
        ("DROP PARTITION (insert_date='2010-12-02')", "has no partition"),
        ("PARTITION (insert_date='2010-12-02') SET LOCATION 'x'", "has no partition"),
        ("SET LOCATION 'x'", "partitioned by insert_date, not by nothing"),
    ],
)
def test_a_partition_that_does_not_fit_is_refused(warehouse, statement, reason):
    warehouse.set_external_partitions(REVIEWS, {FIRST: "/lake/a"})

    with pytest.raises(PipelineError, match=reason):
        run(warehouse, f"ALTER TABLE {REVIEWS} {statement}")

    assert warehouse.external_partitions(REVIEWS) == {FIRST.value: "/lake/a"}


def test_of_several_partitions_all_are_added_or_none(warehouse):
    places = "PARTITION (insert_date='2010-12-01') LOCATION 'x' PARTITION (insert_date='never') LOCATION 'y'"

    with pytest.raises(PipelineError, match="never"):
        run(warehouse, f"ALTER TABLE {REVIEWS} ADD {places}")

    assert warehouse.external_partitions(REVIEWS) == {}


@pytest.mark.parametrize(
    ("statement", "reason"),
    [
        (f"CREATE EXTERNAL TABLE {REVIEWS} (a integer) STORED AS PARQUET LOCATION 'x'", "already exists"),
        ("CREATE EXTERNAL TABLE nowhere.t (a integer) STORED AS PARQUET LOCATION 'x'", "no external schema nowhere"),
        ("CREATE EXTERNAL TABLE spectrum.t (a strange) STORED AS PARQUET LOCATION 'x'", "type strange of the column a"),
        ("CREATE EXTERNAL SCHEMA spectrum FROM DATA CATALOG DATABASE 'd'", "spectrum already exists"),
        ("DROP TABLE spectrum.t", "no external table"),
    ],
)
def test_a_table_or_schema_that_does_not_fit_is_refused(warehouse, statement, reason):
    with pytest.raises(PipelineError, match=reason):
        run(warehouse, statement)
