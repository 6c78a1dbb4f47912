"""Statements of Redshift give in the embedded warehouse what they give in Redshift, or are refused."""

import datetime
from decimal import Decimal

import pytest
from fixtures_warehouse import DAY

from pipeline.core.errors import PipelineError


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("7 / 2", 3),
        ("-7 / 2", -3),
        ("7.0 / 2", 3.5),
        ("nvl(NULL, 5)", 5),
        ("concat('a', NULL)", None),
        ("concat('a', 'b')", "ab"),
        ("'a' || NULL", None),
        ("len('abc')", 3),
        ("cast('abcdef' AS varchar(3))", "abc"),
        ("cast(17850 AS varchar(100))", "17850"),
        ("datediff(day, date '2010-12-01', date '2010-12-05')", 4),
        ("dateadd(day, 1, date '2010-12-01')", datetime.datetime(2010, 12, 2)),
        ("to_char(date '2010-12-05', 'YYYY-MM')", "2010-12"),
        ("cast(2.5 AS numeric)", Decimal("3")),
        ("3 * cast(2.55 AS decimal(8, 3))", Decimal("7.650")),
    ],
)
def test_an_expression_has_the_value_that_it_has_in_redshift(warehouse, expression, value):
    assert warehouse.query(f"SELECT {expression}") == [(value,)]


def test_an_average_of_whole_numbers_is_whole(warehouse):
    rows = "(SELECT 1 AS a, 1.0 AS b UNION ALL SELECT 2, 2.0 UNION ALL SELECT NULL, NULL)"

    assert warehouse.query(f"SELECT avg(a), avg(DISTINCT a), avg(b) FROM {rows}") == [(1, 1, 1.5)]
    assert warehouse.query(f"SELECT avg(a) OVER (ORDER BY a) FROM {rows} WHERE a > 0 ORDER BY a") == [(1,), (1,)]


def test_nulls_come_first_in_a_descending_order(warehouse):
    rows = "(SELECT 1 AS a UNION ALL SELECT NULL UNION ALL SELECT 2)"

    assert warehouse.query(f"SELECT a FROM {rows} ORDER BY a DESC") == [(None,), (2,), (1,)]


@pytest.mark.parametrize("present", ["getdate()", "sysdate"])
def test_the_present_is_in_utc_and_has_no_zone(warehouse, present):
    [(now,)] = warehouse.query(f"SELECT {present}")

    away = datetime.datetime.now(datetime.timezone.utc).replace(tzinfo=None) - now
    assert abs(away) < datetime.timedelta(seconds=30)


def test_a_text_longer_than_declared_is_refused_in_bytes(warehouse):
    with warehouse.transaction() as cursor:
        cursor.execute("CREATE TABLE public.note (text varchar(3), long varchar(max))")
        cursor.execute("INSERT INTO public.note VALUES ('abc', repeat('x', 65535)), (NULL, NULL)")

        with pytest.raises(PipelineError, match="strlen"):
            cursor.execute("INSERT INTO public.note (text) VALUES ('ab£')")


def test_keys_are_accepted_and_not_enforced(warehouse):
    with warehouse.transaction() as cursor:
        cursor.execute(
            "CREATE TABLE public.pair (id integer PRIMARY KEY, name varchar(9) UNIQUE, CONSTRAINT one UNIQUE (id),"
            " FOREIGN KEY (id) REFERENCES public.etl_load (row_count)) DISTKEY (id) COMPOUND SORTKEY (id, name)"
        )
        cursor.execute("INSERT INTO public.pair VALUES (1, 'a'), (1, 'a')")

    assert warehouse.query("SELECT count(*) FROM public.pair") == [(2,)]


def test_parameters_are_bound(warehouse):
    sql = "SELECT %(text)s, %(day)s, %(text)s WHERE 'a%%' <> '%(not)s'"

    assert warehouse.query(sql, {"text": "'; DROP --", "day": DAY, "unused": 1}) == [("'; DROP --", DAY, "'; DROP --")]


def test_a_parameter_without_a_value_is_named(warehouse):
    with pytest.raises(PipelineError, match="no value was given for insert_date"):
        warehouse.query("SELECT %(insert_date)s", {"date": DAY})


@pytest.mark.parametrize(
    "statement",
    [
        "COPY public.etl_load FROM 's3://a/b' IAM_ROLE 'c' PARQUET",
        "UNLOAD ('SELECT 1') TO 's3://a/' IAM_ROLE 'c'",
        "TRUNCATE public.etl_load",
        "BEGIN",
        "COMMIT",
        "VACUUM public.etl_load",
        "SET search_path TO x",
        "GRANT SELECT ON public.etl_load TO x",
        "ALTER TABLE public.etl_load APPEND FROM public.b",
        "CREATE MATERIALIZED VIEW public.v AS SELECT 1 AS a",
        "CREATE VIEW public.v AS SELECT 1 AS a WITH NO SCHEMA BINDING",
        "CREATE TABLE public.a (id bigint IDENTITY(0, 1))",
        "CREATE TABLE public.a (id integer SORTKEY)",
        "SELECT 1; SELECT 2",
        "SELECT nothing_that_exists(1)",
        "SELECT FROM WHERE",
    ],
)
def test_what_has_no_translation_is_refused_with_the_statement_named(warehouse, statement, caplog, capfd):
    with pytest.raises(PipelineError) as refused:
        warehouse.query(statement)

    assert str(refused.value).startswith(statement[:40])
    assert not caplog.text and not capfd.readouterr().err
