"""The copy of a dataset's file outside the lake: that of the last day, whatever is under way."""

from __future__ import annotations

import shutil

import pytest
from fixtures_lake import DATASET, DAY, NEXT_DAY
from fixtures_settings import settings  # noqa: F401

from pipeline.core.lake import Counts, File, lake
from pipeline.core.store.local import LocalStore
from pipeline.core.tasks.partition import PartitionTask
from pipeline.core.tasks.published import PublishedFile


class Purchases(PartitionTask):
    """A day's purchases, which the tests commit."""

    dataset = DATASET


class PublishedPurchases(PublishedFile):
    """The file of the last day, in a folder of the test's."""

    path = "Output/purchases.csv"
    setting = "[stocks] source"
    folder = ""

    def root(self) -> str:
        return self.folder

    def requires(self) -> Purchases:
        return Purchases(date=self.date)


@pytest.fixture
def published(settings, tmp_path, monkeypatch):  # noqa: F811
    """Return where the copy is."""
    settings("lake", "root", str(tmp_path / "lake"))
    monkeypatch.setattr(PublishedPurchases, "folder", str(tmp_path / "published"))
    return tmp_path / "published" / PublishedPurchases.path


def commit(partition, text):
    attempt = lake().begin(DATASET, partition, "Purchases")
    with attempt.open("part-0000.csv", "wb") as file:
        file.write(text.encode())
    attempt.commit([File("part-0000.csv", len(text), 1)], Counts(1, 1, 0), {}, (), "0.1.0")


def task(partition):
    return PublishedPurchases(date=partition.parameter)


def test_a_day_that_is_to_be_replaced_stays_when_an_older_one_is_run(published):
    commit(DAY, "old")
    commit(NEXT_DAY, "new")
    task(NEXT_DAY).make()
    lake().request_rerun(DATASET, NEXT_DAY)

    assert task(DAY).output().is_complete()
    task(DAY).make()

    assert published.read_text() == "new"


def test_a_day_that_is_to_be_replaced_is_published_again(published):
    commit(DAY, "old")
    task(DAY).make()
    lake().request_rerun(DATASET, DAY)

    assert not task(DAY).output().is_complete()
    commit(DAY, "mended")
    task(DAY).make()

    assert published.read_text() == "mended"
    assert task(DAY).output().is_complete()


def test_until_the_new_copy_is_whole_readers_see_the_old_one(published, monkeypatch):
    commit(DAY, "old")
    task(DAY).make()
    lake().request_rerun(DATASET, DAY)
    seen, copyfile = [published.read_text()], shutil.copyfile

    def look(*paths):
        copyfile(*paths)
        seen.append(published.read_text())

    commit(DAY, "mended")
    seen.append(published.read_text())
    monkeypatch.setattr(shutil, "copyfile", look)

    task(DAY).make()

    assert (seen, published.read_text()) == (["old"] * 3, "mended")


def test_a_copy_is_on_the_disk_before_anybody_is_told_of_it(published, monkeypatch):
    commit(DAY, "old")
    told, sync = [], LocalStore.sync

    def look(store, paths):
        told.append((list(paths), published.with_suffix(".csv.json").exists()))
        sync(store, paths)

    monkeypatch.setattr(LocalStore, "sync", look)

    task(DAY).make()

    assert told == [([PublishedPurchases.path], False)]
