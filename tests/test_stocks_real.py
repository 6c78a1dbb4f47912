"""A thousand real files of prices: the table and the published file against an independent computation in pandas."""

from __future__ import annotations

import datetime
import functools
import io
import re
import sys
import tarfile
import time
from pathlib import Path

import duckdb
import pandas
import pytest
from fixtures_postgres import new_database
from project import ROOT, Project

from pipeline.core.database import database
from pipeline.core.lake import lake
from pipeline.stocks import HistoricalStockData

DATA = ROOT.parent / "shared/data/stocks"
DAY = "2017-11-10"
PRICES = ["open", "high", "low", "close"]
COLUMNS = [
    "stock_date", "open_value", "high_value", "low_value", "close_value", "volume_traded", "daily_percent_change",
    "value_change", "company_name",
]  # fmt: skip

pytestmark = pytest.mark.skipif(not DATA.exists(), reason=f"the real data is not here ({DATA})")


@pytest.fixture(scope="module")
def project(postgres_url, tmp_path_factory):
    folder = tmp_path_factory.mktemp("real")
    with new_database(postgres_url, "real_stocks") as url:
        project = Project(folder, url)
        project.set("stocks", source="stocks")
        with project.in_force():
            database().migrate()
        unpack(folder / "stocks")
        yield project


def unpack(folder: Path) -> None:
    for part in sorted(DATA.glob("*.tar.xz")):
        with tarfile.open(part) as archive:
            archive.extractall(folder, filter="data")
    (folder / "CompanyNames").mkdir()
    (folder / "CompanyNames/top_companies.txt").write_bytes((DATA / "top_companies.txt").read_bytes())


@pytest.fixture(scope="module")
def first(project):
    """Return how the first run over all files ended."""
    return run(project)


def run(project):
    luigi = str(Path(sys.executable).with_name("luigi"))
    return project.run(luigi, "--module", "pipeline.stocks", "HistoricalStocks", "--date", DAY, "--local-scheduler")


def connect_with(threads, config=None, connect=duckdb.connect):
    return connect(config={**(config or {}), "threads": threads})


@pytest.fixture(scope="module")
def expected(project) -> pandas.DataFrame:
    """Return what the table is to hold, in millionths, so that sums are exact."""
    folder = project.folder / "stocks"
    names = re.findall("'(.*?)'", (folder / "CompanyNames/top_companies.txt").read_text())
    files = {name: folder / "Stocks" / name for name in names}
    rows = pandas.concat(
        pandas.read_csv(path).assign(name=name) for name, path in files.items() if path.stat().st_size
    ).reset_index(drop=True)
    rows.columns = rows.columns.str.lower()
    millionths = {price: (rows[price] * 1_000_000).round().astype("int64") for price in PRICES}
    change = millionths["close"] - millionths["open"]
    opened = (millionths["open"] / 1e6).where(millionths["open"] != 0)
    values = [
        rows["date"], *millionths.values(), rows["volume"], (change / 1e6) / opened * 100, change,
        rows["name"].str.partition(".")[0],
    ]  # fmt: skip
    return pandas.DataFrame(dict(zip(COLUMNS, values, strict=True)))


def read_back(file) -> pandas.DataFrame:
    """Return rows of CSV in the form of what is expected."""
    # A company may be called nan.
    found = pandas.read_csv(file, names=COLUMNS, engine="pyarrow", keep_default_na=False, na_values=[""])
    found["stock_date"] = found["stock_date"].astype(str)
    for name in COLUMNS:
        if name.endswith("_value") or name == "value_change":
            found[name] = (found[name] * 1_000_000).round().astype("int64")
    return found


def loaded(project) -> pandas.DataFrame:
    copied = io.BytesIO()
    sql = f"SELECT {', '.join(COLUMNS)} FROM public.historical_stocks_data ORDER BY tableoid::regclass::text, ctid"
    with project.in_force(), database().transaction() as cursor, database().copy_out(cursor, sql) as stream:
        stream.readline()
        copied.write(stream.read())
    copied.seek(0)
    return read_back(copied)


def published(project) -> Path:
    return project.folder / "stocks/Output/historical_stock_data.csv"


def test_the_table_equals_a_computation_in_pandas_for_every_row(project, first, expected):
    assert first.code == 0, first.output

    pandas.testing.assert_frame_equal(loaded(project), expected, check_exact=True)


def test_the_published_file_equals_the_same(project, first, expected):
    pandas.testing.assert_frame_equal(read_back(published(project)), expected, check_exact=True)


def test_what_is_odd_is_said_and_kept(project, first, expected):
    rows = expected.set_index(["company_name", "stock_date"])

    assert "kept 3 highs below the low, 3 prices of 0" in first.output, first.output
    crossed = rows[rows["high_value"] < rows["low_value"]].index
    assert set(crossed) == {("eix", "2010-07-12"), ("two", "2013-06-14"), ("wcn", "2006-11-03")}
    free = rows[rows["low_value"] == 0]
    assert sorted(free.index) == [("blj", "2008-02-07"), ("ptx", "2010-08-13"), ("ptx", "2010-08-20")]
    assert free["daily_percent_change"].isna().tolist() == [name == "blj" for name, _ in free.index]


def test_files_that_are_empty_are_refused_by_name_and_one_of_a_line_is_not(project, first, expected):
    [path] = (project.folder / "lake/quarantine").rglob("refused.csv")
    refused = pandas.read_csv(path)

    assert f"read {len(expected) + 5:,}, wrote {len(expected):,}, refused 5" in first.output, first.output
    assert sorted(refused["file"]) == [f"{name}.us.csv" for name in ("bxg", "jt", "sail", "stnl", "znwaa")]
    assert set(refused["reason"]) == {"the file is empty"}
    assert (expected["company_name"] == "ccv-cl").sum() == 1


def test_the_same_again_changes_nothing_and_takes_seconds(project, first):
    before = published(project).stat()
    began = time.monotonic()

    again = run(project)

    assert again.output.startswith("Nothing to do")
    assert time.monotonic() - began < 10
    assert published(project).stat() == before


def test_a_value_that_changed_is_there_once_after_a_rerun(project, first, expected):
    path = project.folder / "stocks/Stocks/gs_i-cl.us.csv"
    lines = path.read_text().splitlines()
    lines[-1] = ",".join([*lines[-1].split(",")[:5], "987654321", "0"])
    path.write_text("\n".join(lines))
    asked = project.lakeshift("rerun", "pipeline.stocks.HistoricalStocks", "--date", DAY)

    done = run(project)

    assert (asked.code, done.code) == (0, 0), asked.output + done.output
    found = loaded(project).compare(expected, keep_shape=False)
    assert found["volume_traded"]["self"].tolist() == [987654321]
    assert expected["company_name"][found.index].tolist() == ["gs_i-cl"]


@pytest.mark.faults
@pytest.mark.parametrize("threads", [1, 8])
def test_the_file_does_not_depend_on_the_number_of_threads(project, first, settings, monkeypatch, tmp_path, threads):
    monkeypatch.setattr(duckdb, "connect", functools.partial(connect_with, threads))
    settings("lake", "root", str(tmp_path))
    settings("stocks", "source", str(project.folder / "stocks"))
    task = HistoricalStockData(date=datetime.date(2017, 11, 10))

    task.make()

    manifest = lake().manifest(task.dataset, task.partition)
    with lake().open(manifest, manifest.files[0].name) as file:
        assert file.read() == published(project).read_bytes()
