"""Which day a marker in the monitored place has run, and what is said of those that have none run."""

from __future__ import annotations

import os
from datetime import date, datetime, timedelta, timezone
from pathlib import Path

import pytest

from emr.lease import named
from pipeline.core.claims import Claim, now
from pipeline.core.errors import SourceUnavailable
from pipeline.core.markers import last_ended
from pipeline.core.watching import Marker, Watcher
from pipeline.stocks import monitored


class Place:
    """A monitored folder, and what one watcher has said of it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.said: list[str] = []
        self.start_again()

    def start_again(self) -> None:
        self.watcher = Watcher("stocks", monitored(), self.hear)

    def hear(self, marker: Marker, what: str) -> None:
        self.said.append(f"{marker.path} {what}")

    def put(self, name: str, hours_ago: float = 0) -> None:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
        written = (datetime.now(timezone.utc) - timedelta(hours=hours_ago)).timestamp()
        os.utime(path, (written, written))

    def run_all(self, is_good: bool = True) -> list[str]:
        """Return the days that are run, in their order, each of which ends well or badly."""
        days = []
        while due := self.watcher.next_due():
            days.append(str(due.marker.day))
            if is_good:
                self.watcher.claims.note(due.held, ended_at=now())
            else:
                self.watcher.answer(due.marker)
                self.watcher.claims.give_back(due.held)
        return days

    def given_claim(self, day: str, owner: str, ended_at: str = "") -> None:
        claim = Claim(day, "other.SUCCESS", "2017-11-10T23:00:00+00:00", owner, ended_at=ended_at)
        assert self.watcher.store.create(f"_claims/stocks/{day}.json", claim.to_json())


@pytest.fixture
def place(settings, tmp_path) -> Place:
    folder = tmp_path / "monitored"
    folder.mkdir()
    settings("stocks", "monitored", str(folder))
    return Place(folder)


def test_days_are_run_once_each_in_their_order(place):
    place.put("a/2017-11-13.SUCCESS")
    place.put("b/2017-11-10/.SUCCESS")
    place.put("b/2017-11-10/prices.csv")

    assert place.run_all() == ["2017-11-10", "2017-11-13"]
    place.start_again()
    assert (place.run_all(), place.said) == ([], [])


def test_a_marker_without_a_date_has_the_last_day_run_that_had_ended(place):
    place.put(".SUCCESS")

    exchange = monitored()
    assert place.run_all() == [str(last_ended(datetime.now(timezone.utc), exchange.zone, exchange.closes))]


def test_a_day_that_failed_is_run_again_when_its_marker_is_put_again_or_the_watch_is_begun_again(place):
    place.put("2017-11-10.SUCCESS", hours_ago=2)

    runs = [place.run_all(is_good=False), place.run_all()]
    place.put("2017-11-10.SUCCESS", hours_ago=1)
    runs += [place.run_all(is_good=False), place.run_all()]
    place.start_again()

    assert [*runs, place.run_all()] == [["2017-11-10"], [], ["2017-11-10"], [], ["2017-11-10"]]


def test_a_day_that_was_run_is_not_run_again_and_it_is_said_how_to(place):
    place.put("2017-11-10.SUCCESS", hours_ago=1)
    place.run_all()
    place.put("2017-11-10.SUCCESS")

    assert (place.run_all(), place.run_all()) == ([], [])
    assert place.said == [
        "2017-11-10.SUCCESS is ignored: 2017-11-10 was run, as 2017-11-10.SUCCESS asked."
        " To run it again: lakeshift rerun pipeline.stocks.HistoricalStocks --date 2017-11-10"
    ]


def test_a_day_before_one_that_is_claimed_is_not_run(place):
    place.put("2017-11-10.SUCCESS")
    place.run_all()
    place.put("2017-11-09.SUCCESS")

    assert (place.run_all(), place.run_all()) == ([], [])
    assert place.said == ["2017-11-09.SUCCESS is ignored: 2017-11-10, which is later, has been claimed"]


@pytest.mark.parametrize(("ended_at", "lines"), [("", 1), ("2017-11-09T23:00:00+00:00", 0)])
def test_of_a_day_before_one_that_is_claimed_it_is_said_unless_it_was_done(place, ended_at, lines):
    place.put("2017-11-09.SUCCESS")
    place.given_claim("2017-11-09", "another-host/1f2e3d4c/40 17 1510351200.0", ended_at)
    place.given_claim("2017-11-10", "lambda/lakeshift/request-1")

    assert (place.run_all(), place.run_all()) == ([], [])
    assert place.said == ["2017-11-09.SUCCESS is ignored: 2017-11-10, which is later, has been claimed"][:lines]


@pytest.mark.parametrize("runs", [["2017-11-10"], []])
def test_a_claim_that_cannot_be_read_keeps_no_other_day_from_its_run(place, runs):
    place.watcher.store.create("_claims/stocks/2017-11-09.json", b"[]")
    place.put("2017-11-09.SUCCESS")
    for day in runs:
        place.put(f"{day}.SUCCESS")

    assert (place.run_all(), place.run_all()) == (runs, [])
    [said] = place.said
    assert said.startswith("2017-11-09.SUCCESS is left alone: ") and "2017-11-09.json is no claim" in said
    assert place.watcher.is_unsure


def test_a_marker_that_was_written_before_its_day_ended_has_none_run(place):
    tomorrow = datetime.now(timezone.utc).date() + timedelta(days=1)
    place.put(f"{tomorrow}.SUCCESS")

    assert (place.run_all(), place.run_all()) == ([], [])
    assert place.said == [
        f"{tomorrow}.SUCCESS is ignored: {tomorrow} had not ended when it was written:"
        " a day ends at 16:00 in America/New_York"
    ]


def test_where_unfinished_days_are_allowed_they_are_run(place, settings):
    settings("lake", "allow_unfinished", "true")
    tomorrow = datetime.now(timezone.utc).date() + timedelta(days=1)
    place.put(f"{tomorrow}.SUCCESS")

    assert place.run_all() == [str(tomorrow)]


def test_a_day_that_no_calendar_has_is_said_once(place):
    place.put("2017-02-30.SUCCESS")

    assert (place.run_all(), place.run_all()) == ([], [])
    assert place.said == ["2017-02-30.SUCCESS is ignored: it names a day that no calendar has"]


def test_a_day_that_another_has_is_waited_for_until_it_is_given_back(place):
    place.put("2017-11-10.SUCCESS")
    place.given_claim("2017-11-10", named(os.getppid()))

    waiting = [place.run_all(), place.run_all()]
    place.watcher.store.delete(["_claims/stocks/2017-11-10.json"])

    assert (waiting, place.run_all()) == ([[], []], ["2017-11-10"])
    [said] = place.said
    assert said.startswith(f"2017-11-10.SUCCESS waits: 2017-11-10 was claimed by process {os.getppid()} of ")
    assert said.endswith(f"remove {place.folder}/_claims/stocks/2017-11-10.json")


def test_what_another_pipeline_claimed_is_none_of_this_ones(place):
    place.watcher.store.create("_claims/prices/2017-11-11.json", b"{}")
    place.put("2017-11-10.SUCCESS")

    assert place.run_all() == ["2017-11-10"]


def test_a_folder_that_is_not_there_is_one_line(place):
    place.folder.rmdir()

    with pytest.raises(SourceUnavailable, match=r"monitored is not there\. Make that folder, or look at \[stocks\]"):
        place.watcher.next_due()


def test_the_last_day_is_the_one_claimed_when_markers_of_many_days_are_there(place):
    for day in range(1, 29):
        place.put(f"2017-11-{day:02}.SUCCESS")

    assert place.run_all()[-1] == str(date(2017, 11, 28))
