"""The files of sql/ are found and read, wherever they are installed."""

from pipeline.core.sql_files import read_sql, table_files


def test_a_file_is_read_from_the_package():
    assert "CREATE EXTERNAL TABLE" in read_sql("user_behaviour/tables.sql")


def test_the_tables_of_all_pipelines_are_created_before_those_of_one():
    assert table_files()[0] == "tables.sql"
    assert "user_behaviour/tables.sql" in table_files()
