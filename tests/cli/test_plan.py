"""`lakeshift plan` shows what a run would make and why, and changes nothing; `run` may be held to it."""

import json
import shlex

import pytest
from fixtures_days import DAYS, all_there_is

from pipeline.cli import plan as plan_command
from pipeline.user_behaviour import MovieReview

RANGE = ("--range", "2010-12-01-2010-12-04")
FIRST, SECOND, THIRD = DAYS[:3]


@pytest.fixture
def made(lakeshift, days):
    """Two days of three that were made, and what runs the command."""
    for day in (FIRST, SECOND, THIRD):
        days.given_purchases(day, "1.00")
    days.make([FIRST, SECOND])
    return days


def statuses(answer):
    return {one["task"]: (one["statuses"], one["due"]) for one in answer["tasks"]}


def test_a_plan_counts_what_is_there_and_names_each_cause_once(made, lakeshift):
    made.given_purchases(SECOND, "1.00", "2.00")
    before = all_there_is()

    planned = lakeshift("plan", "UserBehaviourMetric", *RANGE, "--refresh", "--json")
    answer = json.loads(planned.out)

    assert (planned.code, all_there_is()) == (3, before)
    assert statuses(answer)["UserBehaviourMetric"] == ({"complete": 1, "stale": 1, "missing": 1}, 2)
    assert statuses(answer)["MovieReview"] == ({"complete": 2, "missing": 1}, 1)
    [cause] = answer["causes"]
    assert cause["cause"] == "the source of UserPurchase has changed since it was read"
    assert (cause["partitions"], cause["example"]) == (3, "stage/user_purchase/insert_date=2010-12-02")
    assert [one["task"] for one in answer["due"] if one["status"] == "stale"] == [
        "UserPurchase",
        "UserPurchasePartition",
        "UserBehaviourMetric",
    ]


def test_a_plan_as_text_says_how_to_run_just_that(made, lakeshift):
    done = lakeshift("plan", "UserBehaviourMetric", "--date", "2010-12-03")

    assert done.code == 3
    *_, how_long, last = done.out.splitlines()
    assert how_long.startswith("How long, one after the other: unknown; no history yet of UserPurchase, ")
    digest = last.partition(":")[0].removeprefix("Plan ")
    line = f"lakeshift run UserBehaviourMetric --range 2010-12-03-2010-12-04 --plan {digest}"
    assert last == f"Plan {digest}: {line}"


def test_where_nothing_would_run_a_plan_says_so_and_ends_with_0(made, lakeshift):
    made.given_feed("dull")

    done = lakeshift("plan", "UserBehaviourMetric", "--range", "2010-12-01-2010-12-03")

    first, *_, last = done.out.splitlines()
    assert (done.code, first) == (0, "UserBehaviourMetric 2010-12-01-2010-12-03: nothing would run")
    cause = "the source of MovieReview has changed since it was read"
    assert last.startswith(f"8 partitions: {cause}, such as raw/movie_review/insert_date=2010-12-01 (")


def test_a_source_that_cannot_be_asked_is_told_of(made, lakeshift):
    made.feed.unlink()

    done = lakeshift("plan", "UserBehaviourMetric", "--date", "2010-12-01")

    assert done.code == 0
    assert "Not known of 1 partition is whether the source has changed: " in done.out


def test_a_run_of_a_plan_that_no_longer_holds_is_refused(made, lakeshift, monkeypatch):
    monkeypatch.setattr(plan_command.subprocess, "Popen", None)
    planned = json.loads(lakeshift("plan", "UserBehaviourMetric", *RANGE, "--json").out)
    made.given_purchases(THIRD, "5.00")
    before = all_there_is()

    done = lakeshift("run", "UserBehaviourMetric", *RANGE, "--plan", planned["hash"])

    assert (done.code, all_there_is()) == (1, before)
    [line] = done.err.splitlines()
    assert line.startswith(f"UserBehaviourMetric 2010-12-01-2010-12-04: plan {planned['hash']} no longer holds; ")


def test_the_line_of_a_plan_that_no_longer_holds_has_all_that_was_given(lakeshift, settings, tmp_path):
    settings("lake", "root", str(tmp_path / "lake"))
    given = ("backfill_tasks.SmallMonth", "--range", "2010-12-01-2011-01-01", "--params", '{"service": "yellow"}')

    done = lakeshift("run", *given, "--plan", "0123456789ab")

    assert done.err.endswith(f" Look at it again: {shlex.join(('lakeshift', 'plan', *given))}\n")


@pytest.mark.parametrize("command", ["plan", "explain", "lineage"])
def test_a_parameter_that_is_missing_is_named_in_a_line(lakeshift, command):
    done = lakeshift(command, "backfill_tasks.SmallMonth", "--date", "2010-12")

    line = "SmallMonth takes service too: give it as JSON, with --params, or with --of-params of Backfill.\n"
    assert (done.code, done.err) == (1, line)


def test_a_range_that_is_not_said_once_is_refused(lakeshift):
    none, both = lakeshift("plan", "MovieReview"), lakeshift("plan", "MovieReview", *RANGE, "--last", "7d")

    assert [(done.code, done.err.startswith("Say one of --range")) for done in (none, both)] == [(1, True)] * 2


def test_a_run_of_a_plan_makes_what_was_planned(project):
    project.given_feed(("1", "good"))
    project.given_tables()

    asked = ("MovieReview", "--range", "2010-12-01-2010-12-03", "--refresh")

    planned = project.lakeshift("plan", *asked, "--json")
    digest = json.loads(planned.output[planned.output.index("{") :])["hash"]
    ran = project.lakeshift("run", *asked, "--plan", digest, "--local-scheduler", "--json")

    assert (planned.code, ran.code) == (3, 0), ran.output
    [receipt] = project.folder.glob("lake/backfill/MovieReview/*/*/receipt.json")
    assert f'"receipt": "{receipt}"' in ran.output
    assert {
        manifest.partition.value for manifest in project.manifests() if manifest.dataset == MovieReview.dataset
    } == {
        "2010-12-01",
        "2010-12-02",
    }
