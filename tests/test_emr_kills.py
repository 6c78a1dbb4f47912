"""Runs on EMR that are killed, frozen, or lose their cluster: the same command again makes the day, once."""

# ruff: noqa: F811 - fixtures

from __future__ import annotations

import signal
import sys
from subprocess import Popen

import psutil
import pytest
from fixtures_emr import Emr
from fixtures_far import DONE, MADE_ONCE, METRIC, commits, ended, far, made, submissions  # noqa: F401 - fixtures
from fixtures_luigid import running_luigid
from luigi.rpc import RemoteScheduler
from processes import wait_until
from project import DAY, ROOT, Done, Project, luigi_command

pytestmark = pytest.mark.faults


def killed(far: Project, moment: str, what: str) -> Done:
    """Return how a run ended that killed itself at a moment."""
    script = str(ROOT / "tests/killed_run.py")
    return far.run(sys.executable, script, moment, what, *METRIC, "--local-scheduler")


def killed_when_held(far: Project, emr: Emr) -> None:
    """Kill a run when one of its calls, or of its steps, is held up."""
    run = held(far, emr)
    run.kill()
    run.communicate()
    emr.release()


def held(far: Project, emr: Emr, *more: str) -> Popen[str]:
    """Return a run of which a call, or a step, is held up."""
    run = far.start(*luigi_command(*METRIC, *more))
    emr.wait_until_held()
    return run


def of_workers(run: Popen[str]) -> list[psutil.Process]:
    """Return the processes of the tasks that a run is at."""
    return psutil.Process(run.pid).children()


@pytest.mark.parametrize(
    ("moment", "what", "found"),
    [
        pytest.param("before", "INTENT", 0, id="before the intent"),
        pytest.param("after", "INTENT", 0, id="after it"),
        pytest.param("after", "call", 0, id="after the call and before its answer is stored"),
        pytest.param("before", "COMPLETED", 0, id="when the steps have completed"),
        pytest.param("before", "4", 0, id="before the manifest"),
        pytest.param("after", "4", 1, id="between the manifest and the partition"),
    ],
)
def test_a_run_that_was_killed_is_finished_by_the_same_command_with_one_submission(far, emr, moment, what, found):
    dead = killed(far, moment, what)
    between = len(commits(far))

    again = far.metric_of(DAY)

    assert (dead.code, between) == (-signal.SIGKILL, found)
    assert again.code == 0, again.output
    assert made(far) == MADE_ONCE
    assert (emr.states(), submissions(emr)) == (DONE, 1)


@pytest.mark.parametrize(
    ("moment", "submitted"),
    [
        pytest.param(lambda emr: emr.hold("AddJobFlowSteps", before=False), 1, id="before it is answered"),
        pytest.param(lambda emr: emr.hold("AddJobFlowSteps", is_lost=True), 2, id="before the call arrives"),
        pytest.param(lambda emr: emr.stall("2/3"), 1, id="while it runs"),
        pytest.param(lambda emr: emr.stall("3/3", before=False), 1, id="at its end"),
    ],
)
def test_a_run_that_was_killed_is_finished_with_the_steps_that_it_left(far, emr, moment, submitted):
    moment(emr)
    killed_when_held(far, emr)

    again = far.metric_of(DAY)

    assert again.code == 0, again.output
    assert made(far) == MADE_ONCE
    assert (emr.states(), submissions(emr)) == (DONE, submitted)


def test_steps_that_completed_after_the_kill_are_committed_and_not_run_again(far, emr):
    emr.stall("1/3")
    killed_when_held(far, emr)
    emr.wait_until_over()

    again = far.metric_of(DAY)

    assert again.code == 0, again.output
    assert (made(far), emr.states()) == (MADE_ONCE, DONE)


def test_a_worker_that_was_killed_alone_fails_its_date_and_the_next_run_goes_on_with_its_steps(far, emr):
    emr.stall("2/3")
    run = held(far, emr, "--workers", "2")

    for worker in of_workers(run):
        worker.kill()
    code, output = ended(run)
    emr.release()
    again = far.metric_of(DAY)

    assert (code, again.code) == (30, 0), output
    assert (made(far), emr.states(), submissions(emr)) == (MADE_ONCE, DONE, 1)


def test_a_worker_that_outlives_its_run_shares_its_steps_with_the_next_one(far, emr):
    emr.stall("2/3")
    run = held(far, emr, "--workers", "2")
    orphans = of_workers(run)
    run.kill()
    next_run = far.start(*luigi_command(*METRIC))
    wait_until(lambda: "is adopted" in far.log, 60)

    emr.release()
    code, output = ended(next_run)
    run.communicate(timeout=60)

    assert orphans and code == 0, output
    assert (made(far), emr.states(), submissions(emr)) == (MADE_ONCE, DONE, 1)


def test_a_run_that_stood_still_while_another_took_over_ends_well(far, emr, tmp_path):
    with running_luigid(tmp_path, worker_disconnect_delay="2", prune_on_get_work="true") as url:
        command = luigi_command(*METRIC, scheduler=("--scheduler-port", url.rpartition(":")[2]))
        emr.stall("2/3")
        frozen = far.start(*command)
        emr.wait_until_held()
        frozen.send_signal(signal.SIGSTOP)
        wait_until(lambda: not is_at_work(url))
        emr.release()

        other = far.run(*command)
        frozen.send_signal(signal.SIGCONT)
        code, output = ended(frozen)

    assert (other.code, code) == (0, 0), f"{other.output}\n{output}"
    assert (made(far), emr.states(), submissions(emr)) == (MADE_ONCE, DONE, 1)


def is_at_work(url: str) -> bool:
    """Say whether a scheduler has tasks that it takes for running, now that it has looked again."""
    scheduler = RemoteScheduler(url)
    scheduler.get_work(worker="nobody", host="elsewhere")
    return bool(scheduler.task_list("RUNNING", ""))


def test_a_cluster_that_dies_in_the_middle_is_named_and_another_makes_the_day(far, emr):
    emr.stall("2/3")
    run = held(far, emr)
    emr.terminate()
    code, output = ended(run)
    far.set("emr", cluster_id=emr.new_cluster())

    again = far.metric_of(DAY)

    assert code == 30 and "INTERRUPTED" in output
    assert again.code == 0, again.output
    assert made(far) == MADE_ONCE


def test_logs_that_never_come_leave_where_to_look_and_the_next_run_makes_the_day(far, emr):
    far.set("emr", log_wait_seconds="1")
    emr.delay_logs(None)
    emr.fail("2/3", stderr="Caused by: java.io.IOException: No space left on device\n")

    failed = far.metric_of(DAY)
    again = far.metric_of(DAY)

    assert (failed.code, again.code) == (30, 0), again.output
    assert f"{emr.log_uri}{emr.cluster_id}/steps/s-" in failed.output
    assert (made(far), submissions(emr)) == (MADE_ONCE, 2)
