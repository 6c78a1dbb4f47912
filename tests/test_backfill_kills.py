"""Backfills of the user-behaviour pipeline that are killed at random moments, and several runs at once."""

from __future__ import annotations

import random
import signal
import subprocess
import time

import pytest
from backfill_commands import command, receipts
from project import luigi_command
from readers import what_readers_see

RANGE = ("--range", "2010-12-01-2010-12-05")
SEEDED = ("seed", "--overwrite", "--days", "4", "--rows", "3000", "--reviews-count", "300")
METRIC = "SELECT * FROM public.user_behavior_metric ORDER BY insert_date, customerid"
LOADED = "SELECT partition_key FROM public.etl_load WHERE table_name = 'public.user_behavior_metric' ORDER BY 1"
COUNTS = ("expected", "failed", "not_run", "failures", "partitions_not_run")

pytestmark = pytest.mark.faults


def line(*options, of="UserBehaviourMetric"):
    return command(*options, of=of)


def given_days(project):
    done = project.lakeshift(*SEEDED)
    assert done.code == 0, done.output


def what_stays(project):
    """Return what two undisturbed backfills of the same days have in common."""
    [receipt] = receipts(project)
    made = receipt["complete_before"] + receipt["made"] + receipt["made_elsewhere"]
    seen = what_readers_see(project)
    return (
        {name: seen[name] for name in seen if getattr(name, "zone", "") != "backfill"},
        project.query(METRIC),
        project.query(LOADED),
        [(one.dataset, one.partition, one.rows) for one in project.manifests()],
        [receipt[name] for name in COUNTS],
        made,
    )


def killed_within(project, seconds, workers):
    """Have a backfill killed after some seconds, unless it ends before that."""
    run = project.start(*line(*RANGE, "--workers", workers))
    try:
        run.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        run.send_signal(signal.SIGKILL)
        run.communicate()


@pytest.mark.parametrize("workers", ["1", "2"])
@pytest.mark.parametrize("seed", range(5))
def test_a_backfill_killed_at_random_moments_leaves_what_an_undisturbed_one_does(make_project, seed, workers):
    undisturbed, killed = make_project("undisturbed"), make_project("killed")
    for project in (undisturbed, killed):
        given_days(project)
    began = time.monotonic()
    expected = undisturbed.run(*line(*RANGE))
    seconds, moments = time.monotonic() - began, random.Random(seed)

    for _ in range(3):
        killed_within(killed, moments.uniform(0.2, 1) * seconds, workers)
    done = killed.run(*line(*RANGE))

    assert (expected.code, done.code) == (0, 0), done.output
    assert len(undisturbed.query(METRIC)) > 10
    assert what_stays(killed) == what_stays(undisturbed)


def test_two_backfills_and_the_nightly_run_at_once_leave_each_row_once(make_project):
    undisturbed, crowded = make_project("undisturbed"), make_project("crowded")
    for project in (undisturbed, crowded):
        given_days(project)
    undisturbed.run(*line(*RANGE))
    nightly = luigi_command("UserBehaviourMetric", "--date", "2010-12-04")

    runs = [crowded.start(*one) for one in (line(*RANGE), line(*RANGE, "--reverse"), nightly)]
    outputs = [run.communicate(timeout=280)[0] for run in runs]

    assert [run.returncode for run in runs] == [0, 0, 0], outputs
    assert what_stays(crowded) == what_stays(undisturbed)
