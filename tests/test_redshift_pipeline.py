"""The user-behaviour pipeline with its lake in S3 and its warehouse in Redshift, undisturbed and killed."""

from __future__ import annotations

import re
import signal
import sys

import pytest
from fixtures_redshift import Redshift
from fixtures_s3 import REGION, new_bucket
from project import DAY, ROOT, Project, luigi_command
from sample import DAY_ROWS, given_a_day

from pipeline.core.warehouse import make

METRIC = ("UserBehaviourMetric", "--date", DAY)
# The day's metric, and a marker.
ONCE = (DAY_ROWS, [("public.user_behavior_metric", 2)])
# One kill, at the commit of the load, is enough for every day.
COMMITS = [
    pytest.param(moment, number, marks=[] if (moment, number) == ("before", 6) else pytest.mark.faults)
    for number in range(1, 7)
    for moment in ("before", "after")
]
MARKERS = "SELECT table_name, row_count FROM public.etl_load"


@pytest.fixture
def far(project, ministack, redshift) -> Project:
    """Return a project whose lake is in S3 and whose warehouse is a Redshift with its tables."""
    project.set("lake", root=f"{new_bucket(ministack)}/lake", endpoint_url=ministack, region=REGION)
    project.set("warehouse", url=redshift.url)
    project.given_tables()
    given_a_day(project)
    return project


def what_is_loaded(far: Project) -> tuple[list[tuple], list[tuple]]:
    """Return the day's metric, and the markers of all days."""
    return far.metric(), far.query(MARKERS)


def killed_at_statement(far: Project, redshift: Redshift, number: int, before: bool) -> None:
    """Kill a run when one of its statements has arrived at Redshift, or was executed and not yet answered."""
    redshift.hold("", before=before, skip=number)
    process = far.start(*luigi_command(*METRIC))
    redshift.wait_until_held()
    process.kill()
    process.communicate()
    redshift.release()


def test_a_day_goes_by_way_of_s3_and_redshift(far):
    done = far.metric_of(DAY)
    again = far.metric_of(DAY)

    assert done.code == 0, done.output
    assert "6 made" in done.lines[-1]
    assert what_is_loaded(far) == ONCE
    assert again.output.startswith("Nothing to do")
    assert far.disagreements() == []


def killed_at_commit(far: Project, moment: str, number: int) -> int:
    script = str(ROOT / "tests/killed_run.py")
    return far.run(sys.executable, script, moment, str(number), *METRIC, "--local-scheduler").code


@pytest.mark.parametrize(("moment", "number"), COMMITS)
def test_a_run_killed_at_a_commit_is_finished_by_the_same_command(far, moment, number):
    code = killed_at_commit(far, moment, number)
    between = far.metric()
    again = far.metric_of(DAY)

    assert code == -signal.SIGKILL
    assert between in ([], DAY_ROWS)
    assert again.code == 0, again.output
    assert what_is_loaded(far) == ONCE


@pytest.mark.faults
@pytest.mark.parametrize("before", [True, False], ids=["before", "after"])
def test_a_run_killed_at_any_statement_of_its_load_is_finished_by_the_same_command(far, redshift, before):
    far.metric_of(DAY)
    first, last = statements_of_the_load(far, redshift)

    for number in range(first, last + 1):
        empty(far, redshift)
        killed_at_statement(far, redshift, number, before)
        again = far.metric_of(DAY)

        assert again.code == 0, again.output
        assert what_is_loaded(far) == ONCE


def empty(far: Project, redshift: Redshift) -> None:
    """Take the metric and its marker away, and leave what they are made of."""
    with far.in_force(), make(redshift.url).transaction() as cursor:
        cursor.execute("DELETE FROM public.user_behavior_metric")
        cursor.execute("DELETE FROM public.etl_load")


@pytest.mark.faults
def test_a_run_that_stood_still_while_another_took_over_ends_well(far, redshift):
    far.set("warehouse", wait_seconds="2")
    redshift.hold("INSERT INTO public.etl_load", before=False)
    stopped = far.start(*luigi_command(*METRIC))
    redshift.wait_until_held()
    stopped.send_signal(signal.SIGSTOP)
    redshift.release()

    refused = far.metric_of(DAY)
    far.query(re.search(r"SELECT pg_terminate_backend\(\d+\)", refused.output)[0])
    other = far.metric_of(DAY)
    stopped.send_signal(signal.SIGCONT)
    output, _ = stopped.communicate(timeout=120)

    assert (refused.code, other.code, stopped.returncode) == (30, 0, 0), output
    assert what_is_loaded(far) == ONCE


def statements_of_the_load(far: Project, redshift: Redshift) -> tuple[int, int]:
    """Return which statements of a run that has nothing but the load left to do are the load's: the first, the last."""
    empty(far, redshift)
    seen = len(redshift.statements)
    assert far.metric_of(DAY).code == 0
    executed = redshift.statements[seen:]
    lock = next(number for number, sql in enumerate(executed) if sql.startswith("LOCK"))
    return lock, executed.index("commit", lock)


def test_a_table_that_was_dropped_has_its_partitions_again_by_the_task_of_them(far, redshift):
    days = ("RangeDaily", "--of", "UserPurchasePartition", "--start", DAY, "--stop", "2010-12-02")
    far.luigi(*days)
    with far.in_force(), make(redshift.url).autocommit() as cursor:
        cursor.execute("DROP TABLE spectrum.user_purchase_staging")

    far.lakeshift("migrate")
    without = far.query("SELECT * FROM svv_external_partitions")
    done = far.luigi(*days)

    assert (without, done.code) == ([], 0), done.output
    assert far.query('SELECT "values" FROM svv_external_partitions') == [(f'["{DAY}"]',)]


@pytest.mark.faults
def test_days_at_once_by_several_workers_are_loaded_once_each(far):
    far.lakeshift("seed", "--overwrite", "--days", "4", "--rows", "2000", "--reviews-count", "1000")

    done = far.luigi(
        "RangeDaily", "--of", "UserBehaviourMetric", "--start", DAY, "--stop", "2010-12-04", "--workers", "4"
    )

    assert done.code == 0, done.output
    markers = far.query("SELECT partition_key, row_count FROM public.etl_load ORDER BY partition_key")
    rows = far.query("SELECT insert_date, count(*) FROM public.user_behavior_metric GROUP BY insert_date")
    assert markers == [(f"insert_date={day}", count) for day, count in sorted(rows)]
    assert len(markers) == 3
