"""A run of stocks that is killed, or stands still while others run: readers have the old table or the new one."""

from __future__ import annotations

import pytest
from fixtures_stocks import DAY, NEW, NEXT_DAY, OLD, loaded, stocks  # noqa: F401
from processes import wait_until

MOMENTS = [
    "before the manifest", "after the manifest", "before the published file", "before its label", "before the commit",
    "after the commit",
]  # fmt: skip

SECOND_HALF = r"SELECT relname FROM pg_class WHERE relname ~ '^historical_stocks_data_\w+_second$'"


@pytest.mark.parametrize(
    "moment", ["during the copy", *(pytest.param(moment, marks=pytest.mark.faults) for moment in MOMENTS)]
)
def test_a_run_that_was_killed_is_finished_by_the_same_line(loaded, moment):  # noqa: F811
    new = loaded.expected("a.us.csv")
    with loaded.held(moment, NEXT_DAY) as held:
        held.kill()
    between = loaded.table()

    done = loaded.run(NEXT_DAY)

    assert between == (new if moment == "after the commit" else new[:2])
    assert (done.code, loaded.table()) == (0, new), done.output
    assert len(loaded.drop.published.read_text().splitlines()) == 3
    assert loaded.told() == ["Failure", "Success"][: 1 if moment == "after the commit" else 2]


def test_of_a_run_that_was_killed_when_its_second_session_had_committed_nothing_is_left(loaded):  # noqa: F811
    names = ("a.us.csv", "b.us.csv", "c.us.csv")
    for name in names[1:]:
        loaded.drop.put(name, *OLD)
    loaded.drop.list(*names)
    new = loaded.expected(*names)
    with loaded.held("during the copy", NEXT_DAY) as held:
        wait_until(lambda: loaded.project.database_query(SECOND_HALF), 60)
        held.kill()
    between = loaded.table()

    done = loaded.run(NEXT_DAY)

    assert between == new[:2]
    assert (done.code, loaded.table()) == (0, new), done.output
    assert loaded.project.database_query(SECOND_HALF) == []


@pytest.mark.faults
def test_a_run_that_stood_still_before_it_published_leaves_what_a_later_one_did(loaded):  # noqa: F811
    with loaded.held("before the published file", NEXT_DAY) as held:
        # As long as it was.
        loaded.drop.put("a.us.csv", *NEW[:2], NEW[2].replace(",75,", ",99,"))
        asked = loaded.project.lakeshift("rerun", "pipeline.stocks.HistoricalStockData", "--date", NEXT_DAY)
        later = loaded.run(NEXT_DAY)

        done = held.go()

    assert (asked.code, later.code, done.code) == (0, 0, 0), asked.output + later.output + done.output
    assert loaded.drop.published.read_text().splitlines()[-1].split(",")[5] == "99"
    assert loaded.table("volume_traded") == [(100,), (50,), (99,)]
    assert loaded.told() == ["Success", "Success"]


def test_of_two_runs_at_once_one_loads_and_both_end_well(loaded):  # noqa: F811
    new = loaded.expected("a.us.csv")
    command = loaded.command(NEXT_DAY)
    with loaded.held("before the commit", NEXT_DAY) as held, loaded.project.start(*command) as other:
        wait_until(lambda: loaded.sessions("wait_event_type = 'Lock'"), 60)
        done = held.go()
        output, _ = other.communicate(timeout=60)

    assert (done.code, other.returncode) == (0, 0), done.output + output
    assert loaded.table() == new
    assert loaded.told() == ["Success"]


@pytest.mark.parametrize("moment", ["before the manifest", "before its label"])
@pytest.mark.faults
def test_a_run_that_stood_still_while_another_did_all_ends_well(loaded, moment):  # noqa: F811
    new = loaded.expected("a.us.csv")
    with loaded.held(moment, NEXT_DAY) as held:
        other = loaded.run(NEXT_DAY)
        done = held.go()

    assert (done.code, other.code) == (0, 0), done.output + other.output
    assert loaded.table() == new
    assert len(loaded.drop.published.read_text().splitlines()) == 3
    assert "Failure" not in loaded.told()


@pytest.mark.faults
def test_of_two_days_at_once_the_later_one_stays(stocks):  # noqa: F811
    stocks.drop.put("a.us.csv", *NEW)
    stocks.drop.list("a.us.csv")
    with stocks.held("before the commit", NEXT_DAY) as held, stocks.project.start(*stocks.command(DAY)) as earlier:
        wait_until(lambda: stocks.sessions("wait_event_type = 'Lock'"), 60)
        later = held.go()
        output, _ = earlier.communicate(timeout=60)

    assert (later.code, earlier.returncode) == (0, 30), later.output + output
    assert "what is loaded is of insert_date=2017-11-11, which is later" in output
    assert stocks.table() == stocks.expected("a.us.csv")
    assert f'"insert_date={NEXT_DAY}"' in stocks.drop.published.with_suffix(".csv.json").read_text()
    assert sorted(stocks.told()) == ["Failure", "Success"]
