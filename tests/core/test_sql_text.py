"""A text of SQL is split into its statements."""

import pytest

from pipeline.core.sql_text import inserted_columns, opening, statements


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
