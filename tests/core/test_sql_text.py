"""A text of SQL is split into its statements."""

import pytest

from pipeline.core.errors import PipelineError
from pipeline.core.sql_text import inserted_columns, opening, statements, with_lists


def test_statements_end_at_semicolons():
    text = "SELECT 1;\n\nSELECT 2;\n"

    assert list(statements(text)) == ["SELECT 1", "SELECT 2"]


def test_the_last_statement_needs_no_semicolon():
    assert list(statements("SELECT 1")) == ["SELECT 1"]


def test_a_semicolon_inside_something_ends_nothing():
    text = """SELECT 'a;b''c;', 'it\\';s', "d;e" -- f;\n/* g; */ FROM h;SELECT 2"""

    assert [statement[:8] for statement in statements(text)] == ["SELECT '", "SELECT 2"]


def test_comments_and_blanks_are_no_statement():
    assert list(statements("-- only this;\n;\n/* and this */;")) == []


def test_a_comment_stays_with_its_statement():
    [statement] = statements("-- What it makes.\nSELECT 1;")

    assert statement == "-- What it makes.\nSELECT 1"


def test_a_statement_is_named_by_how_it_begins_on_one_line():
    assert opening("-- why\nSELECT a\nFROM   b.c") == "SELECT a FROM b.c"
    assert len(opening(f"SELECT {'x' * 100}")) == 80


def test_an_insert_of_a_row_says_which_columns_it_fills():
    text = "-- Why.\nINSERT INTO public.price (\n    name, -- of it\n    value\n)\nVALUES (%(name)s, %(value)s);\n"

    assert inserted_columns(text, "public.price") == ["name", "value"]


@pytest.mark.parametrize(
    "text",
    [
        "INSERT INTO public.price (name, value) VALUES (%(value)s, %(name)s)",
        "INSERT INTO public.price (name) VALUES (upper(%(name)s))",
        "INSERT INTO public.cost (name) VALUES (%(name)s)",
        "INSERT INTO public.price (name) SELECT %(name)s",
        "INSERT INTO public.price (name) VALUES (%(name)s) ON CONFLICT DO NOTHING",
    ],
)
def test_what_a_copy_would_not_do_is_no_insert_of_a_row(text):
    with pytest.raises(ValueError, match=r"^no INSERT of a row into public\.price: INSERT INTO"):
        inserted_columns(text, "public.price")


def test_a_parameter_that_is_a_tuple_is_a_list():
    sql, params = with_lists("WHERE a IN %(days)s AND b IN %(days)s AND c = %(one)s", {"days": (5, 6), "one": 7})

    assert sql == "WHERE a IN (%(days_0)s, %(days_1)s) AND b IN (%(days_0)s, %(days_1)s) AND c = %(one)s"
    assert [params[name] for name in ("days_0", "days_1", "one")] == [5, 6, 7]


def test_what_is_a_comment_or_a_text_has_no_parameters():
    text = """SELECT '%(days)s', 'it''s %(days)s', "%(days)s" -- %(days)s\n/* %(days)s */"""

    assert with_lists(text, {"days": (1,)})[0] == text


def test_a_list_of_nothing_is_refused():
    with pytest.raises(PipelineError, match=r"^SELECT 1 WHERE 1 IN .*: no value was given for days"):
        with_lists("SELECT 1 WHERE 1 IN %(days)s", {"days": ()})
