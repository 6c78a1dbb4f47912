"""Purchases are put where the pipeline finds them, wholly or not at all."""

import csv
import io
import tarfile
import threading
from datetime import date
from pathlib import Path

import pytest

from pipeline.core.errors import CheckFailed, SourceUnavailable
from pipeline.core.lake import Counts
from pipeline.seed.generated_purchases import generated_purchases, shop_days
from pipeline.seed.loading import load_generated_purchases, load_purchase_files
from pipeline.seed.purchase import HEADER

REAL = Path(__file__).parents[3] / "shared/data/user_behaviour"
DAY, NEXT_DAY = date(2010, 12, 1), date(2010, 12, 2)
A_DAY = "SELECT CAST(invoice_date AS date), count(*) FROM retail.user_purchase GROUP BY 1 ORDER BY 1"


@pytest.fixture
def retail(postgres, database_url, settings, tmp_path):
    """Return an empty database that the settings name, beside a lake of the test's own."""
    settings("database", "url", database_url)
    settings("lake", "root", str(tmp_path / "lake"))
    return postgres


def lines_of(day: date, number: int, detail: str = "LANTERN") -> str:
    return "".join(f'{n},85123A,"{detail}",6,{day} 08:26:00,2.55,17850.0,EIRE\n' for n in range(number))


def written(path: Path, *parts: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join([",".join(HEADER), *parts]), encoding="utf-8")
    return path


def archive(path: Path, **members: str) -> Path:
    with tarfile.open(path, "w:xz") as tar:
        for name, text in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(text.encode())
            tar.addfile(member, io.BytesIO(text.encode()))
    return path


def test_the_days_that_the_files_bring_are_replaced_and_the_others_stay(retail, tmp_path):
    load_purchase_files([written(tmp_path / "old.csv", lines_of(DAY, 3) + lines_of(NEXT_DAY, 2))])

    loaded = load_purchase_files([written(tmp_path / "new.csv", lines_of(DAY, 1))])

    assert (loaded.rows, loaded.days) == (Counts(1, 1, 0), [DAY])
    assert retail.query(A_DAY) == [(DAY, 1), (NEXT_DAY, 2)]


def test_a_row_arrives_as_it_is_in_the_file(retail, tmp_path):
    line = 'C536379,22960,"JAM, ""£5""\nTIN ",-2,2010-12-01 09:41:00,0.001,,United Kingdom\n'

    load_purchase_files([written(tmp_path / "day.csv", line)])

    [row] = retail.query("SELECT * FROM retail.user_purchase")
    assert row[:4] == ("C536379", "22960", 'JAM, "£5"\nTIN ', -2)
    assert (str(row[4]), str(row[5]), *row[6:]) == ("2010-12-01 09:41:00", "0.001", None, "United Kingdom")


def test_equal_rows_are_all_kept(retail, tmp_path):
    load_purchase_files([written(tmp_path / "day.csv", lines_of(DAY, 1) * 3)])

    assert retail.query(A_DAY) == [(DAY, 3)]


def test_refused_rows_are_quarantined_with_file_line_and_reason(retail, tmp_path):
    file = written(tmp_path / "day.csv", lines_of(DAY, 199), "536,85,x,six,2010-12-01 08:26:00,1,,EIRE\n")

    loaded = load_purchase_files([file])

    with Path(loaded.quarantine).open(newline="") as stream:
        [refused] = csv.DictReader(stream)
    assert loaded.rows == Counts(200, 199, 1)
    assert (refused["file"], refused["line"]) == (str(file), "202")
    assert refused["reason"] == "Quantity is 'six', expected a whole number"


def test_nothing_is_loaded_when_more_rows_are_refused_than_allowed(retail, tmp_path):
    load_purchase_files([written(tmp_path / "old.csv", lines_of(DAY, 3))])

    with pytest.raises(CheckFailed, match=r"1 of 50 rows are refused, more than .*/refused.csv"):
        load_purchase_files([written(tmp_path / "new.csv", lines_of(DAY, 49), "536,open\n")])

    assert retail.query(A_DAY) == [(DAY, 3)]
    assert len(list(tmp_path.glob("lake/quarantine/user_purchase_seed/*/refused.csv"))) == 1


def test_the_first_reason_is_said_when_too_many_rows_are_refused(retail, tmp_path):
    kaggle = "".join(f"{n},85123A,LANTERN,6,12/1/2010 8:26,2.55,17850.0,EIRE\n" for n in range(3))

    with pytest.raises(CheckFailed, match=r"line 2 of .*/kaggle.csv: InvoiceDate is '12/1/2010 8:26', expected a mom"):
        load_purchase_files([written(tmp_path / "kaggle.csv", kaggle)])


def test_a_folder_and_an_archive_are_read_file_by_file(retail, tmp_path):
    written(tmp_path / "days/b/2.csv", lines_of(NEXT_DAY, 2))
    (tmp_path / "days/notes.txt").write_text("not a purchase")
    text = written(tmp_path / "1.csv", lines_of(DAY, 1)).read_text()
    packed = archive(tmp_path / "days.tar.xz", **{"../../1.csv": text, "notes.txt": "", "._1.csv": "\0"})

    load_purchase_files([tmp_path / "days", packed])

    assert retail.query(A_DAY) == [(DAY, 1), (NEXT_DAY, 2)]


def test_a_file_that_is_given_twice_is_not_loaded_twice(retail, tmp_path):
    file = written(tmp_path / "day.csv", lines_of(DAY, 1))
    packed = archive(tmp_path / "days.tar.xz", **{"day.csv": file.read_text()})

    with pytest.raises(CheckFailed, match=r"days.tar.xz:day.csv is the same file as .*/day.csv"):
        load_purchase_files([file, packed])


def test_what_holds_no_purchases_is_named(retail, tmp_path):
    (tmp_path / "cut.tar.xz").write_bytes(archive(tmp_path / "a.tar.xz", a=lines_of(DAY, 9)).read_bytes()[:60])
    (tmp_path / "empty").mkdir()

    for path, problem in [("empty", "holds no CSV"), ("nowhere", "No such file"), ("cut.tar.xz", "no whole archive")]:
        with pytest.raises(SourceUnavailable, match=f"{path}.*{problem}"):
            load_purchase_files([tmp_path / path])


def test_two_seeds_at_once_leave_one_of_them(retail):
    threads = [
        threading.Thread(target=load_generated_purchases, args=(generated_purchases([DAY], 2_000),)) for _ in range(2)
    ]

    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert retail.query(A_DAY) == [(DAY, 2_000)]


def test_generated_purchases_are_loaded(retail):
    loaded = load_generated_purchases(generated_purchases(shop_days(2), 1_000))

    assert (loaded.rows, loaded.quarantine) == (Counts(1_000, 1_000, 0), "")
    assert retail.query(A_DAY) == [(DAY, 500), (NEXT_DAY, 500)]


@pytest.mark.skipif(not REAL.exists(), reason="the real days are not in ../shared/data")
def test_the_real_days_arrive_row_for_row(retail):
    loaded = load_purchase_files([REAL / "retail_by_day"])

    texts = [file.read_text(encoding="utf-8") for file in (REAL / "retail_by_day").iterdir()]
    rows = [row for text in texts for row in csv.DictReader(text.splitlines())]
    total = sum(int(row["Quantity"]) * round(float(row["UnitPrice"]) * 1000) for row in rows)
    assert loaded.rows == Counts(len(rows), len(rows), 0)
    [(count, customers, pence)] = retail.query(
        "SELECT count(*), count(customer_id), sum(quantity * unit_price * 1000) FROM retail.user_purchase"
    )
    assert (count, customers, pence) == (len(rows), sum(row["CustomerID"] != "" for row in rows), total)
