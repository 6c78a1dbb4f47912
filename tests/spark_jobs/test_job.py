"""Every job writes what it can take, says what it did, and fails where rows are missing."""

import sys
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest
from fixtures_spark import PARTITION, run_on
from pyarrow import parquet
from pyspark.sql import functions as F  # noqa: N812

from spark_jobs import classified_movie_review, job

REVIEWS = "cid,review_str\n1,good\nx,bad\n3,bad\n"


def job_that(transform):
    """Return the job of the reviews with another transformation."""
    return SimpleNamespace(
        read=classified_movie_review.read, refusal=classified_movie_review.refusal, transform=transform
    )


def test_the_report_says_what_was_written(spark, tmp_path):
    done = run_on(spark, classified_movie_review, tmp_path, REVIEWS)

    [path] = Path(done.options.output, PARTITION).glob("*.parquet")
    files = [{"name": path.name, "bytes": path.stat().st_size, "rows": 2}]
    assert done.whole_report == {
        "run_id": "run-1",
        "schema": {"cid": "string", "positive_review": "boolean"},
        "partitions": {PARTITION: {"read": 3, "written": 2, "refused": 1, "files": files}},
    }


@pytest.mark.parametrize("rows_of", [lambda rows: rows.where("cid = 1"), lambda rows: rows.union(rows)])
def test_a_job_that_loses_or_repeats_rows_fails_and_reports_nothing(spark, tmp_path, rows_of):
    wrong = job_that(lambda rows: classified_movie_review.transform(rows_of(rows)))

    with pytest.raises(RuntimeError, match="read 3 rows, wrote"):
        run_on(spark, wrong, tmp_path, REVIEWS)

    assert not (tmp_path / "report").exists()


def test_a_row_is_as_broken_as_it_is_whatever_columns_are_used(spark, tmp_path):
    only_numbers = job_that(lambda rows: rows.select("cid"))

    done = run_on(spark, only_numbers, tmp_path, "cid,review_str\n1,good\n2\n3,a,b\n")

    assert done.rows == [("1",)]
    assert [text for text, _ in done.refused] == ["2", "3,a,b"]


def test_a_second_run_replaces_what_the_first_one_left(spark, tmp_path):
    done = run_on(spark, classified_movie_review, tmp_path, REVIEWS)

    job.run(classified_movie_review, spark, done.options)

    assert sorted(done.rows) == [("1", True), ("3", False)]
    assert len(done.refused) == 1


def test_instants_are_microseconds_in_utc(spark, tmp_path):
    moment = F.to_timestamp(F.lit("2010-12-01 08:26:00")).alias("moment")

    done = run_on(spark, job_that(lambda rows: rows.select(moment)), tmp_path, REVIEWS)

    [path] = Path(done.options.output, PARTITION).glob("*.parquet")
    column = parquet.ParquetFile(path).schema.column(0)
    assert column.physical_type == "INT64"
    assert "microseconds" in str(column.logical_type)
    assert done.rows[0][0].isoformat() == "2010-12-01T08:26:00+00:00"


def test_a_big_input_becomes_several_files(spark, tmp_path, monkeypatch):
    monkeypatch.setattr(job, "INPUT_BYTES_PER_FILE", 30)

    done = run_on(spark, classified_movie_review, tmp_path, REVIEWS, REVIEWS)

    assert len(done.report["files"]) == 2
    assert done.counts == (6, 4, 2)


def test_a_folder_whose_name_has_spaces_and_accents_is_read_and_written(spark, tmp_path):
    done = run_on(spark, classified_movie_review, tmp_path / "a %20 b é", REVIEWS)

    assert done.counts == (3, 2, 1)


def test_spark_submit_runs_a_job_with_its_options(spark, tmp_path, monkeypatch):
    (tmp_path / PARTITION).mkdir()
    (tmp_path / PARTITION / "part-0000.csv").write_text(REVIEWS)
    line = [f"--{name}={tmp_path / name}" for name in ("output", "refused", "report")]
    given = ["--input", str(tmp_path / "insert_date=*"), *line, "--run-id=run-1"]
    monkeypatch.setattr(sys, "argv", ["classified_movie_review.py", *given])

    job.main(classified_movie_review)

    assert sum(parquet.read_metadata(path).num_rows for path in (tmp_path / "output").rglob("*.parquet")) == 2


def test_an_option_that_is_missing_is_named(capsys):
    with pytest.raises(SystemExit):
        job.parse(["--input", "in"])

    assert "--output, --refused, --report, --run-id" in capsys.readouterr().err


def test_spark_listens_on_loopback_only(spark):
    jvm = psutil.Process(spark.sparkContext._gateway.proc.pid)
    ports = [port for port in jvm.net_connections() if port.status == psutil.CONN_LISTEN]

    assert {port.laddr.ip.removeprefix("::ffff:") for port in ports} == {"127.0.0.1"}
