"""`lakeshift migrate` makes the tables of both databases, and says what it made."""

import pytest
from fixtures_s3 import REGION, new_bucket


@pytest.fixture
def root(ministack):
    return f"{new_bucket(ministack)}/lake"


@pytest.fixture
def far(seeded, settings, redshift, ministack, root):
    """Return what runs the command with a lake in S3, a Redshift and a PostgreSQL, all of them empty."""
    settings("lake", "root", root)
    settings("lake", "endpoint_url", ministack)
    settings("lake", "region", REGION)
    settings("warehouse", "url", redshift.url)
    return seeded


def test_what_was_made_is_told_with_where(far, redshift):
    done = far("migrate")
    again = far("migrate")

    assert done.code == 0, done.err
    assert f"Redshift at 127.0.0.1:{redshift.port}/dev: created public.user_behavior_metric\n" in done.out
    assert "/test: created the table retail.user_purchase\n" in done.out
    assert again.out.splitlines()[0] == f"Redshift at 127.0.0.1:{redshift.port}/dev: all is there"


def test_a_dry_run_prints_statements_that_could_be_run_as_they_are(far, root):
    done = far("migrate", "--dry-run")

    assert f"LOCATION '{root}/stage/user_purchase/';\n" in done.out
    assert "CREATE SCHEMA IF NOT EXISTS retail;\n" in done.out
    assert far("migrate", "--dry-run").out == done.out


def test_the_embedded_warehouse_is_migrated_too(seeded, tmp_path):
    done = seeded("migrate")

    assert f"The warehouse {tmp_path}/warehouse.duckdb: created public.etl_load\n" in done.out


def test_a_dry_run_makes_neither_a_warehouse_nor_a_server(lakeshift, settings, tmp_path):
    settings("database", "url", "embedded")
    settings("database", "data", str(tmp_path / "postgres"))

    done = lakeshift("migrate", "--dry-run")

    assert done.code == 0, done.err
    assert "CREATE TABLE IF NOT EXISTS public.user_behavior_metric (" in done.out
    assert "CREATE SCHEMA IF NOT EXISTS retail;\n" in done.out
    assert [path.name for path in tmp_path.iterdir() if path.name != "log"] == []


def test_another_lake_is_refused_in_one_line(far, settings, root):
    far("migrate")
    settings("lake", "root", f"{root}/other")

    done = far("migrate")

    assert done.code == 1
    assert done.err.startswith(f"[warehouse] url: spectrum.user_purchase_staging was made for the lake at {root}/")
    assert done.err.count("\n") == 1
