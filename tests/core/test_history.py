"""Each run that made something, or failed, is kept in the lake; what a task took is known from that."""

from __future__ import annotations

import json
from datetime import date, datetime, timedelta, timezone
from typing import Any

import luigi
import pytest
from fixtures_mail import inbox  # noqa: F401
from fixtures_notices import (
    FIRST,
    SECOND,
    Load,
    Minibatch,
    Outer,
    broken,
    build,
    killed_note,
    made,
    mail,  # noqa: F401
)

from pipeline.core import killed_runs
from pipeline.core.history import Duration, Part, Parts, Record, durations, records, timing
from pipeline.core.lake import lake

NOW = datetime.now(timezone.utc)
LONG_AGO = datetime(2017, 1, 1, tzinfo=timezone.utc)
pytestmark = pytest.mark.usefixtures("mail")


def kept() -> list[Record]:
    return list(records(LONG_AGO))


class Windows(Load):
    """Runs within a run, one after the other, of many days."""

    count = luigi.IntParameter()

    def run(self) -> None:
        days = [self.date + timedelta(number) for number in range(self.count)]
        for first in range(0, self.count, 50):
            luigi.build([Load(day) for day in days[first : first + 50]], local_scheduler=True)
        super().run()


def test_a_run_says_what_it_was_asked_what_it_made_and_how_it_ended():
    build(Load(FIRST))

    [record] = kept()
    [part] = record.parts
    assert (record.name, record.end, record.cause) == ("Load 2017-11-09", "success", "")
    assert record.command.endswith(" Load --date 2017-11-09")
    assert (part.family, part.status, part.partitions, part.count) == ("Load", "made", ("2017-11-09",), 1)
    assert record.began_at <= datetime.fromisoformat(record.ended_at) <= datetime.now(timezone.utc)
    assert record.host and record.code_version.startswith("0.1.0+")


def test_a_run_that_failed_has_its_cause_without_the_password_that_is_in_it():
    broken.add(SECOND)

    build(Load(FIRST), Load(SECOND))

    [record] = kept()
    made, failed = record.parts
    assert (record.end, made.status, failed.status) == ("failure", "made", "failed")
    assert failed.cause == "Load 2017-11-10: postgresql://luigi:***@db/shop has no rows. Look at the source."
    assert record.cause == f"Load 2017-11-10: {failed.cause}"


def test_a_run_that_made_nothing_leaves_nothing(tmp_path):
    made.add(Load(FIRST).task_id)

    build(Load(FIRST))

    assert not (tmp_path / "lake/_history").exists()


def test_the_record_of_a_minibatch_is_small(tmp_path):
    build(Minibatch(FIRST))

    [file] = (tmp_path / "lake/_history").rglob("*.json")
    assert file.stat().st_size < 600
    assert file.relative_to(tmp_path / "lake/_history").parts[:2] == (f"{NOW:%Y}", f"{NOW:%m}")


def test_runs_within_a_run_are_parts_of_its_record():
    build(Outer(FIRST))

    [record] = kept()
    assert [(part.family, part.partitions) for part in record.parts] == [
        ("Load", ("2017-11-09",)),
        ("Outer", ("2017-11-09",)),
    ]


def test_of_many_days_those_that_ended_alike_are_one_part():
    day = date(2010, 12, 1)
    broken.update([date(2010, 12, 20), date(2011, 1, 3)])

    build(Windows(day, 150))

    [record] = kept()
    loaded, failed, outer = sorted(record.parts, key=lambda part: -part.count)
    assert (loaded.count, loaded.partitions) == (
        148,
        ("2010-12-01/2010-12-19", "2010-12-21/2011-01-02", "2011-01-04/2011-04-29"),
    )
    assert (failed.count, failed.partitions) == (2, ("2010-12-20", "2011-01-03"))
    assert failed.cause.startswith("Load 2010-12-20: ")
    assert outer.family == "Windows"


def test_of_any_number_of_parts_a_record_keeps_few():
    parts = Parts()
    for number in range(3000):
        day = date(2000, 1, 1) + timedelta(2 * number)
        parts.add(Part("Load", "failed", (f"{day}",), cause="abcdefgh"[number % 8] * (number % 500)))

    assert len(list(parts)) == 51
    assert sum(part.count for part in parts) == 3000
    assert max(len(part.partitions) for part in parts) == 50


def test_a_killed_run_is_written_of_by_the_next_one(tmp_path):
    killed_runs.put(tmp_path / "log/runs", killed_note(Load(SECOND)))

    build(Load(FIRST))

    after, killed = kept()
    assert (after.end, killed.end, killed.name) == ("success", "killed", "Load 2017-11-10")
    assert killed.began_at == datetime(2017, 11, 10, 22, tzinfo=timezone.utc)


@pytest.fixture(autouse=True)
def on_this_host(monkeypatch):
    # A host that was started again since.
    monkeypatch.setattr(killed_runs, "this_process", lambda: "elsewhere/1/effffffc/1d2c 1 1.0")


def test_a_run_that_was_killed_after_it_wrote_its_record_has_one(tmp_path):
    note = killed_note(Load(SECOND))
    written = Record(note.run_id, "Load", "Load 2017-11-10", "success")
    lake().store.create(written.path, written.to_json())
    killed_runs.put(tmp_path / "log/runs", note)

    build(Load(FIRST))

    assert [record.end for record in kept()] == ["success", "success"]


def test_a_lake_that_cannot_be_written_fails_no_run(tmp_path, caplog):
    (tmp_path / "lake").write_text("a file in the place of the folder")

    assert build(Load(FIRST))

    [line] = [one.getMessage() for one in caplog.records if one.name.startswith("pipeline.core.history")]
    assert line.startswith("`lakeshift history` will not have this run: ")
    assert "\n" not in line


def test_what_is_no_record_is_passed_over_and_named(tmp_path, caplog):
    build(Load(FIRST))
    month = tmp_path / f"lake/_history/{NOW:%Y/%m}"
    (month / f"{NOW:%Y%m%d}T000000Z-00000000-Load.json").write_text("{")
    (month / "notes.txt").write_text("mine")

    assert [record.name for record in kept()] == ["Load 2017-11-09"]
    assert "00000000-Load.json is no record of a run, and is passed over" in caplog.text


def given_record(began: datetime, *parts: Part, root: str = "Load", **more: Any) -> None:
    record = Record(f"{began:%Y%m%dT%H%M%SZ}-{len(parts):08x}", root, root, "success", parts=parts, **more)
    assert lake().store.create(record.path, record.to_json())


def test_records_are_those_of_the_range_the_newest_first():
    days = [datetime(2010, 11, 30, 23, tzinfo=timezone.utc) + timedelta(days) for days in range(0, 28, 7)]
    for day in days:
        given_record(day)

    found = list(records(days[1], days[2]))

    assert [record.began_at for record in found] == [days[2], days[1]]


def test_the_duration_of_a_task_is_the_average_of_its_latest_partitions():
    given_record(NOW, Part("Load", "made", count=3, seconds=3.0), Part("Load", "failed", seconds=60.0))
    given_record(NOW - timedelta(1), Part("Load", "made", seconds=5.0))

    assert durations("Load", "Never") == {"Load": Duration(2.0, 4)}


def test_what_a_partition_costs_on_emr_is_known_where_there_were_prices():
    two = Part("Classified", "made", count=2, seconds=8.0, dataset="stage/classified")
    given_record(NOW, two, money={"stage/classified": 0.5}, currency="USD")
    given_record(NOW - timedelta(1), two, Part("Load", "made"), money={"stage/classified": 99.0}, currency="EUR")

    assert durations("Classified", "Never") == {"Classified": Duration(4.0, 4, 0.25)}


def test_what_runs_every_few_minutes_hides_no_other_and_is_not_read_through(monkeypatch):
    monkeypatch.setattr(timing, "LATEST", 3)
    for minute in range(0, 50, 5):
        given_record(NOW - timedelta(minutes=minute), Part("Minibatch", "made", seconds=1.0), root="Minibatch")
    given_record(NOW - timedelta(2), Part("Load", "made", seconds=5.0))

    found = durations("Load", "Minibatch")

    assert found == {"Load": Duration(5.0, 1), "Minibatch": Duration(1.0, 3)}


def test_a_record_is_json_of_what_it_says(tmp_path):
    build(Load(FIRST))

    [file] = (tmp_path / "lake/_history").rglob("*.json")
    values = json.loads(file.read_text())
    assert (values["name"], values["end"], values["parts"][0]["family"]) == ("Load 2017-11-09", "success", "Load")
