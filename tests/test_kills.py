"""A run that is killed at a commit, and then the same command again."""

from __future__ import annotations

import signal
import sys

import pytest
from project import DAY, ROOT, Done, Project
from readers import what_readers_see
from sample import DAY_ROWS, given_a_day

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
