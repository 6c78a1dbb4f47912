"""A run leaves its record in the lake, and sends what was made of what, as its user has set it."""

from __future__ import annotations

import json
import signal
from urllib.parse import urlsplit

from fixtures_s3 import REGION, new_bucket
from lineage_receiver import check, receiving
from processes import wait_until
from project import DAY, luigi_command
from sample import given_a_day

ANOTHER_DAY = "2010-12-02"
MADE = ["MovieReview", "UserPurchase", "ClassifiedMovieReview", "UserBehaviourMetric"]


def runs_of(project, *words):
    done = project.lakeshift("history", *words, "--json")
    return json.loads(done.output)["runs"]


def test_a_day_on_s3_is_in_the_history_and_its_lineage_with_the_receiver(project, ministack):
    bucket = new_bucket(ministack)
    project.set("lake", root=f"{bucket}/lake", endpoint_url=ministack, region=REGION)
    given_a_day(project)

    with receiving() as receiver:
        project.set("lineage", to=receiver.url)
        done = project.metric_of(DAY)

    assert done.code == 0, done.output
    [run] = runs_of(project)
    assert (run["name"], run["end"], len(run["parts"])) == (f"UserBehaviourMetric {DAY}", "success", 6)
    [purchase] = [part for part in run["parts"] if part["family"] == "UserPurchase"]
    assert purchase["partitions"] == [DAY] and purchase["rows"]["refused"] == 0
    for event in receiver.events:
        check(event)
    complete = {one["job"]["name"].partition(".")[2]: one for one in receiver.events if one["eventType"] == "COMPLETE"}
    assert sorted(complete) == sorted(MADE)
    metric = complete["UserBehaviourMetric"]
    assert metric["run"]["facets"]["parent"]["job"]["name"] == "user_behaviour.UserBehaviourMetric"
    assert {(one["namespace"], one["name"]) for one in metric["inputs"]} == {
        (bucket, "lake/stage/user_purchase"),
        (bucket, "lake/stage/classified_movie_review"),
    }
    [table] = metric["outputs"]
    assert table["namespace"] == f"duckdb://{project.folder}/warehouse.duckdb"
    assert table["name"] == "warehouse.public.user_behavior_metric"
    [source] = complete["UserPurchase"]["inputs"]
    assert source["name"].endswith(".retail.user_purchase") and source["namespace"].startswith("postgres://")


def test_a_receiver_that_is_away_fails_no_run(project):
    project.given_feed(("13047", "good"))
    project.set("lineage", to="http://127.0.0.1:9")

    done = project.luigi("MovieReview", "--date", DAY)

    assert done.code == 0
    [line] = [line for line in done.lines if "lineage" in line]
    assert line.startswith("The lineage of this run was not sent: http://127.0.0.1:9 takes no events: ")


def test_a_run_that_was_killed_is_in_the_history_of_the_next(project):
    given_a_day(project)
    process = project.start(*luigi_command("UserBehaviourMetric", "--date", DAY))
    wait_until(lambda: list((project.folder / "log/runs").glob("*.json")), 60)
    process.send_signal(signal.SIGKILL)
    process.communicate()

    # Of another day: the killed run may have come as far as that of its own.
    project.luigi("MovieReview", "--date", ANOTHER_DAY)

    after, killed = runs_of(project)
    assert (after["name"], after["end"]) == (f"MovieReview {ANOTHER_DAY}", "success")
    assert (killed["name"], killed["end"], killed["parts"]) == (f"UserBehaviourMetric {DAY}", "killed", [])
    assert [run["end"] for run in runs_of(project, "--failed")] == ["killed"]


def test_what_was_asked_has_no_secret_in_it(project):
    project.given_feed(("13047", "good"))

    project.luigi("MovieReview", "--date", DAY, "--scheduler-url", "http://cron:hunter2@localhost:8082")

    [run] = runs_of(project)
    assert urlsplit(run["command"].split()[-2]).password == "***"
    assert "hunter2" not in json.dumps(run)
