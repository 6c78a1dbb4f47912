"""The statements that the warehouse runs itself are understood wholly, or refused."""

import pytest

from pipeline.core.errors import PipelineError
from pipeline.core.lake import Partition
from pipeline.core.warehouse.external import add_partition_statement, set_location_statement
from pipeline.core.warehouse.grammar import parse
from pipeline.core.warehouse.statements import (
    AddColumn,
    AddPartition,
    Column,
    CreateExternalSchema,
    CreateExternalTable,
    DropPartition,
    DropTable,
    Lock,
    PartitionPlace,
    SetLocation,
    TableName,
)

REVIEW = TableName("spectrum", "review")
DAY = Partition("insert_date", "2010-12-01")


def test_an_external_schema_is_read():
    statement = """
        CREATE EXTERNAL SCHEMA IF NOT EXISTS spectrum FROM DATA CATALOG DATABASE 'spectrumdb' REGION 'eu-west-1'
        IAM_ROLE 'arn:aws:iam::1:role/x' CREATE EXTERNAL DATABASE IF NOT EXISTS
    """

    assert parse(statement) == CreateExternalSchema("spectrum", "spectrumdb", if_not_exists=True)


def test_an_external_table_is_read():
    statement = """
        CREATE EXTERNAL TABLE Spectrum.Review (cid varchar(100), price DECIMAL(8, 3), at timestamp without time zone)
        PARTITIONED BY (insert_date date) STORED AS PARQUET LOCATION 's3://lake/o''brien/'
    """

    table = parse(statement)

    assert isinstance(table, CreateExternalTable)
    assert table.table == REVIEW
    assert [column.type for column in table.columns] == ["varchar(100)", "decimal(8, 3)", "timestamp without time zone"]
    assert table.keys == (Column("insert_date", "date"),)
    assert table.location == "s3://lake/o'brien/"


def test_what_is_written_to_add_partitions_is_read_back():
    statement = add_partition_statement("spectrum.review", {DAY: "/lake/o'brien; x"})

    place = PartitionPlace({"insert_date": "2010-12-01"}, "/lake/o'brien; x")
    assert parse(statement) == AddPartition(REVIEW, (place,), if_not_exists=True)


def test_what_is_written_to_set_a_location_is_read_back():
    statement = set_location_statement("spectrum.review", DAY, "s3://lake/")

    assert parse(statement) == SetLocation(REVIEW, PartitionPlace({"insert_date": "2010-12-01"}, "s3://lake/"))


def test_a_table_without_partitions_has_a_location_too():
    assert parse("ALTER TABLE spectrum.review SET LOCATION 's3://a/'") == SetLocation(
        REVIEW, PartitionPlace({}, "s3://a/")
    )


def test_a_partition_of_several_keys_is_dropped():
    statement = "alter table spectrum.review drop partition (year=2010, \"Month\"='12')"

    assert parse(statement) == DropPartition(REVIEW, {"year": "2010", "month": "12"})


def test_a_dropped_table_is_read():
    assert parse("DROP TABLE IF EXISTS spectrum.review") == DropTable(REVIEW, if_exists=True)


@pytest.mark.parametrize("statement", ["LOCK public.a, b", '-- why\nlock TABLE "public"."a", b'])
def test_locked_tables_are_read(statement):
    assert parse(statement) == Lock((TableName("public", "a"), TableName("public", "b")))


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT 1",
        "DROP TABLE a, b",
        "CREATE TABLE a (b integer)",
        "DROP VIEW a",
    ],
)
def test_other_statements_are_left_to_others(statement):
    assert parse(statement) is None


@pytest.mark.parametrize(
    ("statement", "reason"),
    [
        ("CREATE EXTERNAL TABLE s.t (a int) STORED AS TEXTFILE LOCATION 'x'", "expected STORED AS PARQUET"),
        ("CREATE EXTERNAL TABLE s.t (a int) ROW FORMAT DELIMITED STORED AS PARQUET LOCATION 'x'", "expected STORED"),
        ("CREATE EXTERNAL TABLE s.t (a int) STORED AS PARQUET LOCATION 'x' TABLE PROPERTIES ('a'='b')", "TABLE PROP"),
        ("CREATE EXTERNAL SCHEMA s FROM HIVE METASTORE DATABASE 'd'", "expected FROM DATA CATALOG"),
        ("ALTER TABLE s.t ADD PARTITION (a='1')", "expected LOCATION"),
        ("ALTER TABLE s.t DROP PARTITION (a='1') PURGE", "PURGE"),
        ("LOCK a IN EXCLUSIVE MODE", "IN EXCLUSIVE MODE"),
        ("LOCK", "ends too early"),
    ],
)
def test_what_is_not_understood_is_refused_with_the_statement_named(statement, reason):
    with pytest.raises(PipelineError, match=reason) as refused:
        parse(statement)

    assert str(refused.value).startswith(statement[:20])


def test_a_column_is_added():
    assert parse('ALTER TABLE spectrum.a ADD COLUMN "b" decimal(5, 4)') == AddColumn(
        TableName("spectrum", "a"), Column("b", "decimal(5, 4)")
    )
