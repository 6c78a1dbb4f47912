"""The statements that keep the external catalogue are right as text."""

import pytest

from pipeline.core.errors import PipelineError
from pipeline.core.lake import Partition
from pipeline.core.warehouse.external import add_partition_statement, is_at, literal, set_location_statement

FIRST, SECOND = Partition("insert_date", "2010-12-01"), Partition("insert_date", "2010-12-02")


def test_several_partitions_are_added_by_one_statement():
    statement = add_partition_statement("spectrum.review", {FIRST: "s3://lake/a/", SECOND: "s3://lake/b/"})

    assert statement == (
        "ALTER TABLE spectrum.review ADD IF NOT EXISTS"
        " PARTITION (insert_date='2010-12-01') LOCATION 's3://lake/a/'"
        " PARTITION (insert_date='2010-12-02') LOCATION 's3://lake/b/'"
    )


def test_a_partition_is_pointed_elsewhere():
    statement = set_location_statement("spectrum.review", FIRST, "s3://lake/c/")

    assert statement == ("ALTER TABLE spectrum.review PARTITION (insert_date='2010-12-01') SET LOCATION 's3://lake/c/'")


@pytest.mark.parametrize("count", [0, 101])
def test_no_statement_adds_none_or_more_than_redshift_takes(count):
    partitions = {Partition("number", str(number)): "s3://lake/" for number in range(count)}

    with pytest.raises(ValueError, match="1 to 100"):
        add_partition_statement("spectrum.review", partitions)


def test_a_quote_is_doubled():
    assert literal("/home/o'brien/lake") == "'/home/o''brien/lake'"


@pytest.mark.parametrize("text", ["", "a\\b", "a\nb", "a\x00b"])
def test_what_redshift_would_read_otherwise_is_no_literal(text):
    with pytest.raises(ValueError, match="no text for SQL"):
        literal(text)


@pytest.mark.parametrize("table", ["review", "a.b.c", "spectrum.review; DROP TABLE x", 'spectrum."x"'])
def test_a_table_is_named_by_its_schema_and_name(table):
    with pytest.raises(ValueError, match=r"schema\.table"):
        set_location_statement(table, FIRST, "s3://lake/")


def located(attempt, length):
    """Return a partition's location below a root that makes the folder of the attempt as long as told."""
    return f"s3://{'bucket'.ljust(length - 30, 'x')}/{attempt.rjust(24, '0')}/{FIRST}"


@pytest.mark.parametrize("length", [60, 105, 106, 128])
def test_a_location_that_redshift_cuts_off_is_told_from_another_attempts(length):
    one, other = located("1", length), located("2", length)

    assert is_at(one[:128], one)
    assert not is_at(other[:128], one)
    assert not is_at(None, one)


def test_a_location_cut_off_before_the_attempt_ends_says_how_much_too_long_the_root_is():
    location = located("1", 131)

    with pytest.raises(PipelineError, match="choose a \\[lake\\] root that is shorter by 3"):
        is_at(location[:128], location)
