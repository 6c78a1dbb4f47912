"""`lakeshift seed stocks` fills the source of the stocks pipeline, and overwrites nothing unasked."""

from __future__ import annotations

import io
import sys
import tarfile
from pathlib import Path

import pytest
from fixtures_s3 import REGION, new_bucket

from pipeline.core.lake import Counts, Dataset, File, Lake, Partition
from pipeline.core.store import open_store
from pipeline.seed import stock_files

LINE = "2017-11-10,1,1,1,1,5,0\n"


class Source:
    """The place that [stocks] source names."""

    def __init__(self, root: str) -> None:
        self.root = root

    @property
    def store(self):
        return open_store(self.root)

    def names(self) -> list[str]:
        return [one.path.removeprefix("Stocks/") for one in self.store.list("Stocks")]

    def listed(self) -> str:
        return self.store.read("CompanyNames/top_companies.txt").data.decode()


@pytest.fixture(params=["folder", "s3"])
def source(request, settings, tmp_path):
    root = str(tmp_path / "stocks")
    if request.param == "s3":
        root, endpoint = f"{new_bucket(request.getfixturevalue('ministack'))}/in", request.getfixturevalue("ministack")
        settings("lake", "endpoint_url", endpoint)
        settings("lake", "region", REGION)
    settings("stocks", "source", root)
    return Source(root)


@pytest.fixture
def given(tmp_path) -> Path:
    """A folder of a user's own files, some in an archive."""
    folder = tmp_path / "given"
    folder.mkdir()
    (folder / "b's.us.csv").write_text(LINE)
    (folder / "notes.txt").write_text("no data")
    with tarfile.open(folder / "more.tar.xz", "w:xz") as archive:
        for name in ("Stocks/a.us.csv", "Stocks/._a.us.csv"):
            member = tarfile.TarInfo(name)
            member.size = len(LINE)
            archive.addfile(member, io.BytesIO(LINE.encode()))
    return folder


def test_generated_files_and_their_list_are_put_and_put_again(lakeshift, source):
    first = lakeshift("seed", "stocks", "--companies", "3")
    names = source.names()
    second = lakeshift("seed", "stocks", "--companies", "2")

    assert (first.code, second.code, len(names)) == (0, 0, 3)
    assert first.out.startswith(f"3 generated files of prices put in {source.root}/Stocks\n")
    assert first.out.splitlines()[2].startswith("Next: luigi --module pipeline.stocks HistoricalStocks --date 20")
    assert source.listed().count("'") // 2 == 2


@pytest.mark.parametrize("path", ["Stocks/mine.us.csv", "CompanyNames/top_companies.txt"])
def test_what_was_not_generated_is_kept_unless_the_user_says_so(lakeshift, source, path):
    source.store.create(path, b"mine")

    refused = lakeshift("seed", "stocks", "--companies", "1")
    asked = lakeshift("seed", "stocks", "--companies", "1", "--overwrite")

    assert (refused.code, asked.code) == (1, 0)
    assert refused.err.startswith(f"What is in {source.root} was not generated. Give files of your own, or --overwrite")
    assert source.listed() != "mine"


def test_a_users_own_files_are_put_and_listed(lakeshift, source, given):
    done = lakeshift("seed", "stocks", str(given))

    assert done.out.startswith(f"2 files of prices put in {source.root}/Stocks\nThe list of those that are read: ")
    assert source.names() == ["a.us.csv", "b's.us.csv"]
    assert source.listed() == "'a.us.csv', 'b''s.us.csv'\n"
    assert source.store.read("Stocks/a.us.csv").data == LINE.encode()


def test_a_users_own_list_is_the_list(lakeshift, source, given):
    (given / "top_companies.txt").write_text("'a.us.csv'")

    lakeshift("seed", "stocks", str(given))

    assert (source.listed(), len(source.names())) == ("'a.us.csv'", 2)


def test_a_list_that_is_there_stays_when_files_come_without_one(lakeshift, source, given):
    source.store.create("CompanyNames/top_companies.txt", b"'z.us.csv'")

    done = lakeshift("seed", "stocks", str(given))

    assert "The list that was there stays: " in done.out
    assert source.listed() == "'z.us.csv'"


def test_a_generated_list_gives_way_to_a_users_files(lakeshift, source, given):
    lakeshift("seed", "stocks", "--companies", "1")

    lakeshift("seed", "stocks", str(given))

    assert source.listed() == "'a.us.csv', 'b''s.us.csv'\n"


@pytest.mark.parametrize("source", ["folder"], indirect=True)
def test_a_generated_list_gives_way_to_a_users_files_also_after_a_seed_that_failed(lakeshift, source, given, tmp_path):
    lakeshift("seed", "stocks", "--companies", "1")
    broken = tmp_path / "broken.tar.xz"
    broken.write_bytes(b"no archive")

    failed = lakeshift("seed", "stocks", str(given), str(broken))
    lakeshift("seed", "stocks", str(given))

    assert failed.code != 0
    assert source.listed() == "'a.us.csv', 'b''s.us.csv'\n"


@pytest.mark.parametrize("source", ["folder"], indirect=True)
def test_files_of_a_seed_that_was_killed_are_generated_ones(lakeshift, source, monkeypatch):
    with monkeypatch.context() as killed:
        killed.setattr(stock_files, "_put_list", lambda *_: sys.exit(9))
        assert lakeshift("seed", "stocks", "--companies", "2").code == 9

    assert lakeshift("seed", "stocks", "--companies", "1").code == 0
    assert lakeshift("seed", "stocks", "--companies", "1").code == 0


@pytest.mark.parametrize("source", ["folder"], indirect=True)
def test_what_cannot_be_put_is_one_line(lakeshift, source, given, tmp_path):
    (tmp_path / "empty").mkdir()
    (given / "a.us.csv").write_text(LINE)

    empty = lakeshift("seed", "stocks", str(tmp_path / "empty"))
    missing = lakeshift("seed", "stocks", str(tmp_path / "nothing.csv"))
    twice = lakeshift("seed", "stocks", str(given))

    assert empty.err == f"{tmp_path}/empty holds no CSV file, and no top_companies.txt. Give some of these.\n"
    assert missing.err == f"{tmp_path}/nothing.csv cannot be read: No such file or directory. Look at the path.\n"
    assert "a.us.csv is named as " in twice.err and "Give one of them." in twice.err


@pytest.mark.parametrize("source", ["folder"], indirect=True)
def test_where_the_last_day_is_made_already_its_rerun_is_what_is_next(lakeshift, source, tmp_path):
    attempt = Lake(open_store(str(tmp_path / "lake"))).begin(
        Dataset("stage", "historical_stock_data"), Partition("insert_date", "2999-01-01"), "test"
    )
    with attempt.open("part-0000.csv", "wb"):
        pass
    attempt.commit([File("part-0000.csv", 0, 0)], Counts(0, 0, 0), {}, (), "test")

    done = lakeshift("seed", "stocks", "--companies", "1")

    assert "Next: lakeshift rerun pipeline.stocks.HistoricalStocks --date 2999-01-01, since" in done.out


@pytest.mark.parametrize("source", ["folder"], indirect=True)
def test_the_number_of_companies_is_for_generated_files(lakeshift, source, given):
    assert lakeshift("seed", "stocks", str(given), "--companies", "3").code == 2
