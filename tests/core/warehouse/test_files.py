"""The files of sql/ are found, and split into their statements."""

from pipeline.core.warehouse.files import opening, read_file, statements, table_files


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


def test_the_tables_of_all_pipelines_are_created_before_those_of_one():
    assert table_files()[0] == "tables.sql"
    assert "user_behaviour/tables.sql" in table_files()


def test_a_file_is_read_from_the_package():
    assert "CREATE EXTERNAL TABLE" in read_file("user_behaviour/tables.sql")
