"""A list names files; what it cannot mean is refused, and the rest is found wherever the folder is."""

from __future__ import annotations

import csv
import os
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path

import pytest
from fixtures_s3 import REGION, new_bucket

from pipeline.core.errors import SourceUnavailable
from pipeline.core.listed_files import ListedFiles, Listing
from pipeline.core.records import RefusedRows


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "Stocks").mkdir()
    for name in ("a.us.csv", "b c.us.csv", "it's.us.csv", "ü.us.csv", "other.us.csv"):
        (tmp_path / "Stocks" / name).write_text(name)
    return tmp_path


def listed(folder, text):
    """Return the listing of a folder with a list, and what was refused of it."""
    (folder / "list.txt").write_text(text)
    with RefusedRows(lambda: (folder / "refused.csv").open("wb")) as refused:
        listing = ListedFiles(str(folder), "list.txt", "Stocks", "[stocks] source").listing(refused)
    if not refused.count:
        return listing, []
    with (folder / "refused.csv").open(newline="") as file:
        return listing, [(row["text"], row["reason"]) for row in csv.DictReader(file)]


def test_names_are_quoted_and_stand_in_their_order(folder):
    listing, refused = listed(folder, "'b c.us.csv', 'a.us.csv','ü.us.csv' , 'it''s.us.csv'\n")

    assert listing.names == ("b c.us.csv", "a.us.csv", "ü.us.csv", "it's.us.csv")
    assert (listing.others, refused) == (1, [])


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("'missing.us.csv'", "there is no such file in Stocks/"),
        ("'a.us.csv'", "it is named twice"),
        ("'../list.txt'", "it is no name of a file in the folder"),
        ("'/etc/passwd'", "it is no name of a file in the folder"),
        ("''", "it is no name of a file in the folder"),
        ("'.hidden.csv'", "it is hidden: its name starts with a dot"),
        ("b.us.csv", "it has no quotes around it"),
    ],
)
def test_what_a_list_cannot_mean_is_refused(folder, name, reason):
    listing, refused = listed(folder, f"'a.us.csv', {name}")

    assert listing.names == ("a.us.csv",)
    assert refused == [(name.strip("'"), reason)]
    assert listing.missing == (reason != "it is named twice")


def test_a_list_may_begin_with_a_byte_order_mark(folder):
    listing, refused = listed(folder, "\ufeff'a.us.csv'")

    assert (listing.names, refused) == (("a.us.csv",), [])


@pytest.mark.parametrize("text", ["", " \n"])
def test_an_empty_list_is_waited_for(folder, text):
    with pytest.raises(SourceUnavailable, match=r"list\.txt is empty\. Put it there, or look at \[stocks\] source"):
        listed(folder, text)


def test_a_missing_list_is_waited_for(folder, tmp_path):
    with pytest.raises(SourceUnavailable, match=r"nowhere\.txt is not there"):
        ListedFiles(str(folder), "nowhere.txt", "Stocks", "[stocks] source").listing(RefusedRows(lambda: None))


def test_files_in_s3_are_brought_here(folder, settings, ministack):
    bucket = new_bucket(ministack)
    settings("lake", "endpoint_url", ministack)
    settings("lake", "region", REGION)
    files = ListedFiles(bucket, "list.txt", "Stocks", "[stocks] source")
    files.store.upload(folder / "Stocks", "Stocks")

    [one, other] = files.fetch(["it's.us.csv", "a.us.csv"], folder / "fetched")

    assert (one.name, one.path.read_text()) == ("it's.us.csv", "it's.us.csv")
    assert (other.name, other.path.read_text()) == ("a.us.csv", "a.us.csv")


def test_a_folder_that_was_changed_has_another_state(folder):
    listed(folder, "'a.us.csv'")
    files = ListedFiles(str(folder), "list.txt", "Stocks", "[stocks] source")
    before = files.state()

    (folder / "Stocks/a.us.csv").write_text("A.us.csv")

    assert files.state() not in ("", before)


def test_a_list_that_was_changed_has_another_state(folder):
    listed(folder, "'a.us.csv'")
    files = ListedFiles(str(folder), "list.txt", "Stocks", "[stocks] source")
    before = files.state()

    listed(folder, "'b c.us.csv'")

    assert files.state() != before


def test_a_file_that_nobody_asks_for_is_left_alone_whatever_its_name_is(folder):
    listing, _ = listed(folder, "'a.us.csv'")
    files = ListedFiles(str(folder), "list.txt", "Stocks", "[stocks] source")
    before = files.state()

    try:
        Path(os.fsdecode(os.fsencode(folder / "Stocks") + b"/caf\xe9.csv")).touch()
    except OSError:
        pytest.skip("this folder takes no name that is no UTF-8")

    assert files.state() == before
    assert listed(folder, "'a.us.csv'")[0].others == listing.others + 1


def test_a_file_that_was_corrected_in_the_same_second_in_s3_is_another(folder, settings, ministack, monkeypatch):
    bucket = new_bucket(ministack)
    settings("lake", "endpoint_url", ministack)
    settings("lake", "region", REGION)
    files = ListedFiles(bucket, "list.txt", "Stocks", "[stocks] source")
    files.store.create("list.txt", b"'a.us.csv'")
    found, second = files.store.list, datetime(2017, 11, 10, 21, tzinfo=timezone.utc)
    # AWS lists whole seconds, and this server smaller parts of them.
    monkeypatch.setattr(files.store, "list", lambda folder: [replace(one, modified=second) for one in found(folder)])

    states = [_put(files, data) and files.state() for data in (b"1", b"2")]

    assert states[0] != states[1]


def _put(files, data):
    with files.store.open("Stocks/a.us.csv", "wb") as file:
        return file.write(data)


def test_files_that_change_while_they_are_read_are_refused(folder):
    listed(folder, "'a.us.csv'")
    files = ListedFiles(str(folder), "list.txt", "Stocks", "[stocks] source")
    state = files.state()
    fetched = files.fetch(["a.us.csv"], folder / "fetched")
    (folder / "Stocks/a.us.csv").write_text("A.us.csv")

    with pytest.raises(SourceUnavailable, match="changed while it was read"):
        files.fingerprint(Listing(("a.us.csv",), 4), fetched, state)


def test_the_fingerprint_counts_the_files_that_are_read_and_those_that_nobody_asked_for(folder):
    files = ListedFiles(str(folder), "list.txt", "Stocks", "[stocks] source")
    listing, state = Listing(("a.us.csv", "b c.us.csv"), 3), files.state()

    read = files.fingerprint(listing, files.fetch(listing.names, folder / "fetched"), state)

    assert read.fingerprint == {"files": 2, "files_not_listed": 3, "bytes": 18, "state": state}
