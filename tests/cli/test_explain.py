"""`lakeshift explain` shows what a partition was made of, and where it is stale, why."""

import json

import pytest
from fixtures_days import DAYS, all_there_is

from pipeline.core.version import code_version

FIRST = DAYS[0]


@pytest.fixture
def made(lakeshift, days):
    """A day that was made."""
    days.given_purchases(FIRST, "1.00")
    days.make([FIRST])
    return days


def explained(lakeshift):
    done = lakeshift("explain", "UserBehaviourMetric", "--date", "2010-12-01")
    assert done.code == 0
    return [line.lstrip("│├└─ ") for line in done.out.splitlines()]


def test_a_tree_says_by_what_each_partition_was_made_and_of_what(made, lakeshift):
    lines = explained(lakeshift)

    attempts = made.attempts()
    assert lines[0] == "UserBehaviourMetric public.user_behavior_metric insert_date=2010-12-01: complete"
    assert lines[1].startswith(f"by attempt {attempts['metric/2010-12-01']} at 20")
    assert lines[1].endswith(f"; written 1; code {code_version()}")
    bought = f"of stage/user_purchase insert_date=2010-12-01: {attempts['stage/user_purchase/2010-12-01']}"
    assert lines.count(bought) == 1
    [classified] = [
        line for line in lines if line.startswith("by attempt") and "read 1, written 1, refused 0; code 0.1.0 " in line
    ]
    assert classified.endswith(f"code 0.1.0 (here is {code_version()})")


def test_where_it_is_stale_the_tree_names_the_first_cause(made, lakeshift):
    made.given_purchases(FIRST, "1.00", "2.00")
    before = all_there_is()

    lines = explained(lakeshift)

    assert all_there_is() == before
    assert lines[0].endswith(": stale")
    assert lines[1].startswith(
        "because the source of UserPurchase has changed since it was read: stage/user_purchase/insert_date=2010-12-01"
        " (retail.user_purchase, rows 1 → 2, hash "
    )


def test_as_json_a_partition_has_what_it_needs_below_it(made, lakeshift):
    done = lakeshift("explain", "ClassifiedMovieReview", "--date", "2010-12-01", "--json")

    answer = json.loads(done.out)
    [feed] = answer["needs"]
    assert (answer["status"], answer["rows"]) == ("complete", {"read": 1, "written": 1, "refused": 0})
    assert (feed["task"], feed["source_now"]["bytes"]) == ("MovieReview", 22)


def test_what_was_never_made_is_missing(days, lakeshift):
    assert explained(lakeshift)[0].endswith("insert_date=2010-12-01: missing")


def test_a_day_that_cannot_be_read_is_refused(lakeshift):
    done = lakeshift("explain", "MovieReview", "--date", "yesterday")

    assert (done.code, done.err.strip()) == (1, "yesterday is no day of MovieReview.")
