"""Partitions of the lake that are written together under one attempt are committed, and told of, one by one."""

from __future__ import annotations

import datetime
from typing import Any

import luigi
import pytest
from luigi.worker import DONE, FAILED

from pipeline.core import run
from pipeline.core.errors import JobFailed
from pipeline.core.lake import Attempt, Counts, Dataset, File, Partition, lake
from pipeline.core.store.local import LocalStore
from pipeline.core.tasks import LakeTask
from pipeline.core.tasks.lake import Made

DAYS = tuple(datetime.date(2010, 12, 1) + datetime.timedelta(days) for days in range(4))
BROKEN: dict[datetime.date, Any] = {}
WRITTEN: list[int] = []


class Letter(LakeTask):
    """A file of a byte for each row that a day is said to have."""

    dataset = Dataset("raw", "letter")
    max_batch_size = 100

    def write_together(self, attempts):
        WRITTEN.append(len(attempts))
        return super().write_together(attempts)

    def write(self, attempt: Attempt) -> Made:
        act = BROKEN.get(self.date, lambda: 0)
        refused = act()
        with attempt.open("part-0000.txt") as file:
            file.write(b"a" * self.date.day)
        rows = Counts(self.date.day + refused, self.date.day, refused)
        return Made(rows, [File("part-0000.txt", self.date.day, self.date.day)], {}, ())


@pytest.fixture(autouse=True)
def own_lake(settings, tmp_path, monkeypatch):
    settings("lake", "root", str(tmp_path / "lake"))
    monkeypatch.setattr(run, "open_file", lambda path: None)
    # A task knows how it ended, and Luigi gives out the one that it has made already.
    luigi.task.Register.clear_instance_cache()
    yield
    BROKEN.clear()
    WRITTEN.clear()


def build(*days):
    return luigi.build([Letter(date=day) for day in days], local_scheduler=True, detailed_summary=True)


def ended(result, status):
    return {one.task.date: one.text for one in result.worker.summary.select(status)}


def manifest(day):
    return lake().manifest(Letter.dataset, Partition.of_date(day))


def fail():
    raise JobFailed("the press is broken")


def test_days_share_an_attempt_and_are_told_of_as_if_each_was_made_alone():
    made = build(*DAYS)

    told = {day: f"read {day.day}, wrote {day.day}, refused 0" for day in DAYS}
    assert (ended(made, DONE), WRITTEN) == (told, [4])
    assert made.worker.summary.rows() == ["Letter: read 10, wrote 10, refused 0"]
    assert len({manifest(day).attempt for day in DAYS}) == 1
    assert [manifest(day).task_id for day in DAYS] == [Letter(date=day).task_id for day in DAYS]


def test_days_that_cannot_be_written_or_are_refused_keep_no_other_from_its_commit():
    BROKEN.update({DAYS[1]: fail, DAYS[2]: lambda: 1})

    failed = build(*DAYS)

    assert list(ended(failed, DONE)) == [DAYS[0], DAYS[3]]
    assert ended(failed, FAILED)[DAYS[1]] == "the press is broken"
    assert "raw/letter/insert_date=2010-12-03: 1 of 4 rows are refused" in ended(failed, FAILED)[DAYS[2]]
    assert Letter.bulk_complete(DAYS) == [DAYS[0], DAYS[3]]


def test_a_day_that_another_made_meanwhile_ends_well():
    BROKEN[DAYS[1]] = lambda: Letter(date=DAYS[0]).make() and 0

    made = build(*DAYS[:2])

    [lost] = made.worker.summary.select(DONE, was_due=False)
    assert (lost.task.date, "was committed before" in lost.text) == (DAYS[0], True)
    assert list(ended(made, DONE)) == [DAYS[1]]
    assert made.worker.summary.rows() == ["Letter: read 2, wrote 2, refused 0"]


def test_a_day_that_was_made_while_the_others_waited_is_not_written_again():
    task = Letter(date=DAYS)
    Letter(date=DAYS[0]).make()

    task.make()

    assert WRITTEN == [1, 3]
    assert task.complete()


def test_of_days_that_are_asked_for_again_each_answers_its_own_requests():
    build(*DAYS)
    first = manifest(DAYS[0]).attempt
    request = lake().request_rerun(Letter.dataset, Partition.of_date(DAYS[1]))
    lake().request_rerun(Letter.dataset, Partition.of_date(DAYS[2]))

    made = build(*DAYS)

    assert (list(ended(made, DONE)), WRITTEN) == ([DAYS[1], DAYS[2]], [4, 2])
    assert (manifest(DAYS[1]).reruns, manifest(DAYS[1]).replaced) == ((request,), first)
    assert Letter.bulk_complete(DAYS) == list(DAYS)


def test_a_manifest_that_cannot_be_read_stops_its_own_day_only():
    build(DAYS[0])
    lake().request_rerun(Letter.dataset, Partition.of_date(DAYS[0]))
    lake().store.create("raw/letter/_manifest/insert_date=2010-12-02.json", b"{")
    task = Letter(date=DAYS)

    ends = task.make_together(task.each())

    [error] = [end for end in ends.values() if isinstance(end, Exception)]
    assert "insert_date=2010-12-02.json is no manifest" in str(error)
    assert Letter.bulk_complete([DAYS[0], *DAYS[2:]]) == [DAYS[0], *DAYS[2:]]


def test_what_is_there_of_many_days_is_known_by_two_listings(monkeypatch):
    build(DAYS[0])
    counted: list[str] = []
    listing = LocalStore.list
    monkeypatch.setattr(LocalStore, "list", lambda store, folder: counted.append(folder) or listing(store, folder))

    begun = lake().begin_together(Letter.dataset, {Partition.of_date(day): "test" for day in DAYS})

    assert [isinstance(one, Attempt) for one in begun.values()] == [False, True, True, True]
    assert counted == ["raw/letter/_rerun/", "raw/letter/_manifest"]
