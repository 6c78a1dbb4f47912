"""A run that is killed at a commit, and then the same command again."""

from __future__ import annotations

import signal
import sys

import pytest
from project import DAY, ROOT, Done, Project
from readers import what_readers_see
from sample import DAY_ROWS, given_a_day

from pipeline.core.lake import Manifest

METRIC = ("UserBehaviourMetric", "--date", DAY, "--local-scheduler")
COMMITS = 6


def killed(project: Project, moment: str, number: int) -> Done:
    return project.run(sys.executable, str(ROOT / "tests/killed_run.py"), moment, str(number), *METRIC)


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("number", [1, 3, 6], ids=["manifest", "external partition", "table"])
def test_a_run_killed_at_a_commit_is_finished_by_the_same_command(project, moment, number):
    given_a_day(project)

    dead = killed(project, moment, number)
    between = what_readers_see(project)["metric"]
    again = project.luigi(*METRIC[:3])

    assert dead.code == -signal.SIGKILL
    assert between in ([], DAY_ROWS)
    assert again.code == 0, again.output
    assert project.metric() == DAY_ROWS
    assert len(project.manifests()) == 3


def test_of_days_that_are_made_at_once_those_that_a_kill_left_uncommitted_are_made_by_the_next_run(project):
    project.given_feed(("13047", "good"), ("17850", "dull"))
    days = ("--of", "ClassifiedMovieReview", "--start", DAY, "--stop", "2010-12-07", "--local-scheduler")

    # Six feeds are committed before, and six days of one job.
    dead = project.run(sys.executable, str(ROOT / "tests/killed_run.py"), "before", "11", "RangeDaily", *days)
    left = {manifest.partition: manifest.attempt for manifest in classified(project)}
    again = project.luigi("RangeDaily", *days[:-1])

    assert (dead.code, again.code) == (-signal.SIGKILL, 0), again.output
    assert len(left) < 6
    made = {manifest.partition: manifest.attempt for manifest in classified(project)}
    assert left.items() <= made.items() and len(made) == 6
    assert {manifest.rows.written for manifest in classified(project)} == {2}
    assert f"Lakeshift: {6 - len(left)} made" in again.lines[-1]


def classified(project: Project) -> list[Manifest]:
    return [one for one in project.manifests() if one.dataset.name == "classified_movie_review"]


@pytest.mark.faults
@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("number", range(1, COMMITS + 1))
def test_every_kill_leaves_what_an_undisturbed_run_makes(make_project, number, moment, seed):
    undisturbed, project = make_project("undisturbed"), make_project("killed")
    for each in (undisturbed, project):
        done = each.lakeshift(
            "seed", "--overwrite", "--days", "2", "--rows", str(4000 + seed), "--reviews-count", str(3000 + seed)
        )
        assert done.code == 0, done.output
    expected = undisturbed.luigi(*METRIC[:3])
    assert expected.code == 0, expected.output

    dead = killed(project, moment, number)
    between = what_readers_see(project)
    again = project.luigi(*METRIC[:3])

    assert dead.code == -signal.SIGKILL
    whole = what_readers_see(undisturbed)
    assert len(whole["metric"]) > 10
    assert all(rows == whole[name] for name, rows in between.items() if rows)
    assert again.code == 0, again.output
    assert what_readers_see(project) == whole
