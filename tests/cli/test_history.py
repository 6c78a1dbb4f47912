"""`lakeshift history` shows what the runs did, and `lakeshift vacuum` removes what is of runs of long ago."""

import json
from datetime import datetime, timedelta, timezone

import pytest

from pipeline.core.history import Part, Record
from pipeline.core.lake import lake

NOW = datetime.now(timezone.utc)
CAUSE = "stage/user_purchase/insert_date=2010-12-02: the database does not answer"


def given_run(days_ago: float, end: str, *parts: Part, family: str = "UserBehaviourMetric", cause: str = "") -> None:
    began = NOW - timedelta(days_ago)
    run_id = f"{began:%Y%m%dT%H%M%SZ}-{len(parts):08x}"
    record = Record(run_id, family, f"{family} 2010-12-01", end, seconds=12.5, cause=cause, parts=parts)
    assert lake().store.create(record.path, record.to_json())


@pytest.fixture
def runs(lakeshift):
    rows = {"read": 1500, "written": 1490, "refused": 10}
    purchase = Part("UserPurchase", "made", ("2010-12-01",), seconds=2.5, rows=rows)
    given_run(1, "success", purchase, Part("UserBehaviourMetric", "made", ("2010-12-01",), seconds=10.0))
    failed = Part("UserPurchase", "failed", ("2010-12-02/2010-12-04", "2010-12-06"), 4, cause=CAUSE)
    given_run(2, "failure", failed, cause=CAUSE)
    given_run(3, "killed")
    given_run(30, "success", purchase)
    return lakeshift


def cells(out: str) -> list[list[str]]:
    return [[cell.strip() for cell in line.strip("│").split("│")] for line in out.splitlines() if line[0] == "│"]


def when(days_ago: float) -> str:
    return f"{NOW - timedelta(days_ago):%Y-%m-%d %H:%M:%S}"


def test_the_runs_of_a_week_are_shown_the_newest_first(runs):
    done = runs("history")

    name = "UserBehaviourMetric 2010-12-01"
    assert cells(done.out) == [
        [when(1), name, "success", "2", "0", "12.5", "1,500", "1,490", "10", ""],
        [when(2), name, "failure", "0", "4", "12.5", "", "", "", CAUSE],
        [when(3), name, "killed", "0", "0", "12.5", "", "", "", ""],
    ]
    assert done.out.splitlines()[-1].startswith(f"3 runs since {NOW - timedelta(7):%Y-%m-%d} ")


def test_of_a_task_each_line_is_what_became_of_its_partitions(runs):
    done = runs("history", "UserPurchase")

    assert cells(done.out) == [
        [when(1), "UserPurchase 2010-12-01", "made", "2.5", "1,500", "1,490", "10", ""],
        [when(2), "UserPurchase 2010-12-02/2010-12-04 and more, 4 in all", "failed", "0.0", "", "", "", CAUSE],
    ]


def test_only_what_failed_is_shown_where_that_is_asked(runs):
    assert [row[2] for row in cells(runs("history", "--failed").out)] == ["failure", "killed"]
    assert [row[2] for row in cells(runs("history", "UserPurchase", "--failed").out)] == ["failed"]


def test_how_far_back_and_how_many_can_be_said(runs):
    since = f"{NOW - timedelta(31):%Y-%m-%d}"

    assert len(cells(runs("history", "--since", since).out)) == 4
    assert len(cells(runs("history", "--last", "36h").out)) == 1
    assert runs("history", "--limit", "2").out.splitlines()[-1].endswith("; there are more before them")


def test_with_json_a_run_has_all_that_is_kept_of_it(runs):
    [run] = json.loads(runs("history", "UserPurchase", "--last", "36h", "--json").out)["runs"]

    assert (run["family"], run["end"]) == ("UserBehaviourMetric", "success")
    assert run["parts"][0]["rows"] == {"read": 1500, "written": 1490, "refused": 10}


def test_where_there_is_nothing_it_says_so(lakeshift):
    assert lakeshift("history", "Never").out.startswith("0 runs of Never since ")


def test_a_time_that_cannot_be_read_is_one_line(lakeshift):
    done = lakeshift("history", "--last", "week")

    assert (done.code, done.err.count("\n")) == (1, 1)
    assert "such as 7d" in done.err


def test_records_of_long_ago_are_removed_by_vacuum(runs, settings):
    settings("history", "keep_days", "14")

    shown = runs("vacuum")
    removed, again = runs("vacuum", "--delete"), runs("vacuum")

    total = "0 attempts (0 files, 0 bytes), 0 unfinished uploads; and 1 record of runs older than 14 days"
    assert shown.out.splitlines()[-2:] == [
        f"Older than 7 days, and needed by nothing: {total}",
        "Remove them: lakeshift vacuum --delete",
    ]
    assert removed.out.splitlines()[-1] == f"Removed: {total}"
    assert "nothing to remove" in again.out
    assert len(cells(runs("history", "--last", "1y").out)) == 3
