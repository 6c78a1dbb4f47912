"""What is wrong with an input ends in one clear line, and nothing of the day is committed."""

from __future__ import annotations

import os
import subprocess

import pytest
from project import DAY, HEADER, luigi_command
from sample import DAY_ROWS, given_a_day

GOOD = '13047,"good"\n'


def committed(project) -> list[str]:
    """Return the datasets of which the day is committed."""
    return sorted(path.parent.parent.name for path in project.folder.glob("lake/*/*/_manifest/*.json"))


def only_line_of_failure(done) -> str:
    [line] = [line for line in done.lines if line.startswith(("  FAILED", "  UNKNOWN"))]
    assert "Traceback" not in done.output
    return line


def test_a_feed_that_is_missing_is_named_with_its_setting(project):
    given_a_day(project)
    project.feed.unlink()

    done = project.luigi("MovieReview", "--date", DAY)

    assert done.code == 30
    assert f"{project.feed} cannot be read" in only_line_of_failure(done)
    assert "[user_behaviour] review_feed" in only_line_of_failure(done)
    assert "Traceback" in project.log


def test_a_feed_of_0_bytes_is_waited_for(project):
    project.feed.write_text("")

    done = project.luigi("MovieReview", "--date", DAY)

    assert done.code == 30
    assert "is empty: it has no header yet" in only_line_of_failure(done)
    assert committed(project) == []


def test_a_feed_with_another_header_is_refused(project):
    project.feed.write_text("customer;text\n1;good\n")

    done = project.luigi("MovieReview", "--date", DAY)

    assert done.code == 30
    assert "expected 'cid,review_str'" in only_line_of_failure(done)


def test_a_broken_row_is_kept_in_quarantine_with_its_line_and_nothing_good_is_lost(project):
    project.feed.write_text("cid,review_str\n" + GOOD * 150 + '5,"never closed\n' + GOOD * 150)

    done = project.luigi("ClassifiedMovieReview", "--date", DAY)

    assert done.code == 0, done.output
    assert "MovieReview 2010-12-01: read 301, wrote 300, refused 1" in done.output
    [refused] = project.folder.glob("lake/quarantine/movie_review/*/*/refused.csv")
    assert ",152," in refused.read_text()


def test_a_customer_that_is_no_number_is_kept_in_quarantine_with_its_text(project):
    project.feed.write_text("cid,review_str\n" + GOOD * 200 + 'nobody,"a good one"\n')

    done = project.luigi("ClassifiedMovieReview", "--date", DAY)

    assert done.code == 0, done.output
    assert "ClassifiedMovieReview 2010-12-01: read 201, wrote 200, refused 1" in done.output
    [refused] = project.folder.glob("lake/quarantine/classified_movie_review/*/*/part-*")
    assert "nobody,a good one" in refused.read_text()


def test_more_refused_rows_than_allowed_commit_nothing_and_the_last_good_day_stays(project):
    given_a_day(project)
    project.metric_of(DAY)
    project.feed.write_text("cid,review_str\n" + GOOD * 8 + "nobody,good\nnowhere,good\n")
    project.lakeshift("rerun", "MovieReview", "--date", DAY, "--downstream")

    done = project.metric_of(DAY)

    assert done.code == 30
    assert "2 of 10 rows are refused, more than [lake] max_refused = 0.01" in only_line_of_failure(done)
    assert project.metric() == DAY_ROWS


def test_reviews_that_the_job_refuses_are_mended_as_the_error_says(project):
    given_a_day(project)
    project.feed.write_text("cid,review_str\nnobody,good\n")
    refused = project.metric_of(DAY)
    given_a_day(project)

    asked = project.lakeshift("rerun", "MovieReview", "--date", DAY, "--downstream")
    again = project.metric_of(DAY)

    assert "When they are mended: lakeshift rerun MovieReview --date 2010-12-01 --downstream" in refused.output
    assert asked.code == 0, asked.output
    assert again.code == 0, again.output
    assert project.metric() == DAY_ROWS


def test_a_database_that_cannot_be_reached_is_named_without_its_password(project):
    project.set("database", url="postgresql://luigi:s3cret@127.0.0.1:9/retail")

    done = project.luigi("UserPurchase", "--date", DAY)

    assert done.code == 30
    assert "PostgreSQL at 127.0.0.1:9/retail cannot be reached" in only_line_of_failure(done)
    assert "s3cret" not in done.output + project.log


def test_a_warehouse_that_cannot_be_asked_is_a_scheduling_error(project):
    project.set("warehouse", url="duckdb:/proc/warehouse.duckdb")

    done = project.metric_of(DAY)

    assert done.code == 35
    assert "warehouse.duckdb" in only_line_of_failure(done)


@pytest.mark.parametrize(
    ("section", "key", "value", "said"),
    [
        ("lake", "max_refused", "a few", "= a few ({file}): expected a share between 0 and 1"),
        ("jobs", "ui_port", "high", "= high ({file}): expected a port"),
        ("lake", "max_refuse", "0.5", "({file}) is no setting. There are: root, endpoint_url, region, max_refused"),
    ],
)
def test_a_setting_that_is_wrong_is_one_line_before_anything_is_done(project, section, key, value, said):
    project.set(section, **{key: value})

    done = project.luigi("MovieReview", "--date", DAY)

    assert done.code == 40
    [line] = done.lines
    assert line.startswith(f"[{section}] {key} {said.format(file=project.folder / 'test.cfg')}")


def test_settings_that_are_not_where_they_are_said_to_be_are_one_line(project):
    done = project.run("env", "LUIGI_CONFIG_PATH=/nowhere/luigi.cfg", *luigi_command("MovieReview", "--date", DAY))

    assert done.code == 40
    assert done.lines[-1] == "$LUIGI_CONFIG_PATH names /nowhere/luigi.cfg, which is no file."


def test_a_failed_run_ends_badly_also_where_there_is_no_luigi_cfg(project):
    luigi = project.start(*luigi_command("MovieReview", "--date", DAY), has_luigi_cfg=False)
    output, _ = luigi.communicate(timeout=60)

    assert luigi.returncode == 30
    assert "  FAILED   MovieReview 2010-12-01: " in output


@pytest.mark.parametrize("task", ["MovieReview", "ClassifiedMovieReview"], ids=["alone", "together with others"])
def test_a_scheduler_that_does_not_answer_is_one_line(project, task):
    project.set("core", scheduler_port="9")

    done = project.run(*luigi_command(task, "--date", DAY, scheduler=()))

    assert done.code == 40
    [line] = done.lines
    assert line.startswith("The scheduler at http://127.0.0.1:9 does not answer")
    assert line.endswith("Start it (lakeshift up) or add --local-scheduler.")


@pytest.mark.parametrize("arguments", [["--date", "2010-13-01"], []], ids=["no date", "no such date"])
def test_a_line_that_luigi_cannot_read_is_answered_in_one_line(project, arguments):
    done = project.luigi("MovieReview", *arguments)

    assert done.code == 40
    [line] = done.lines
    assert line.startswith("ERROR: ")


def test_a_log_that_cannot_be_written_does_not_end_the_run(project):
    given_a_day(project)
    (project.folder / "log").write_text("not a folder")

    done = project.luigi("MovieReview", "--date", DAY)

    assert done.code == 0, done.output
    assert "cannot be written, so this run has none" in done.lines[0]
    assert "Traceback" not in done.output


@pytest.fixture
def small_disk(tmp_path):
    """A disk of 1 MB, where this machine lets us mount one."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(disk)], capture_output=True)
    if mounted.returncode:
        pytest.skip("a small disk cannot be mounted here, so a full one is not tried")
    yield disk
    subprocess.run(["umount", "-l", str(disk)], check=True)


def test_a_full_disk_while_staging_commits_nothing_and_says_so(project, small_disk):
    project.feed.write_text("cid,review_str\n" + f'1,"{os.urandom(600).hex()}"\n' * 2000)
    project.set("lake", root=str(small_disk / "lake"))
    project.set("log", file=str(small_disk / "log/lakeshift.log"))

    done = project.luigi("MovieReview", "--date", DAY)

    assert done.code == 30
    assert "No space left on device" in only_line_of_failure(done)
    assert not list(small_disk.glob("lake/*/*/_manifest/*.json"))


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("1,A,LANTERN,six,2010-12-01 08:26:00,2.55,17850.0,UK", "Quantity"),
        ("1,A,LANTERN,6,2010-13-01 08:26:00,2.55,17850.0,UK", "InvoiceDate"),
        ("1,A,LANTERN,6,2010-12-01 08:26:00,cheap,17850.0,UK", "UnitPrice"),
        ("1,A,LANTERN,6,2010-12-01 08:26:00,2.55,17850.5,UK", "CustomerID"),
        ("1,A,LANTERN,6,2010-12-01 08:26:00,2.55", "fields"),
    ],
)
def test_a_purchase_of_a_wrong_type_is_refused_with_its_line_and_reason(project, row, reason):
    good = "1,A,LANTERN,6,2010-12-01 08:26:00,2.55,17850.0,UK\n"
    (project.folder / "mine.csv").write_text(f"{HEADER}\n{good * 200}{row}\n")

    done = project.lakeshift("seed", "--purchases", "mine.csv")

    assert done.code == 0, done.output
    [refused] = project.folder.glob("lake/quarantine/user_purchase_seed/*/refused.csv")
    assert ",202," in refused.read_text()
    assert reason in refused.read_text()
