"""Real purchases and real film reviews: the metric against an independent computation over the files themselves."""

from __future__ import annotations

import csv
import re
import zipfile
from pathlib import Path

import pandas
import pytest
from project import ROOT

DATA = ROOT.parent / "shared/data/user_behaviour"
DAYS = ("2010-12-01", "2010-12-02", "2010-12-03", "2011-01-04")
COLUMNS = ["customerid", "amount_spent", "review_score", "review_count"]

pytestmark = pytest.mark.skipif(not DATA.exists(), reason=f"the real data is not here ({DATA})")


def purchases_of(days: tuple[str, ...]) -> pandas.DataFrame:
    files = [DATA / f"retail_by_day/{day}.csv" for day in days]
    purchases = pandas.concat(pandas.read_csv(file) for file in files)
    # Thousandths of a pound, so that the sums are exact.
    purchases["amount"] = purchases["Quantity"] * (purchases["UnitPrice"] * 1000).round().astype(int)
    return purchases.dropna(subset="CustomerID").astype({"CustomerID": int})


def write_reviews(path: Path, customers: list[int]) -> pandas.DataFrame:
    """Write the film reviews as a feed, review i by customer i modulo the customers, and return what it says."""
    reviews = []
    with zipfile.ZipFile(DATA / "nltk_movie_reviews.zip") as archive:
        names = sorted(name for name in archive.namelist() if name.endswith(".txt") and "/cv" in name)
        for number, name in enumerate(names):
            reviews.append((customers[number % len(customers)], archive.read(name).decode()))
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["cid", "review_str"])
        writer.writerows((f"{cid}.0", text) for cid, text in reviews)
    said = pandas.DataFrame(reviews, columns=["CustomerID", "text"])
    said["positive"] = [bool(re.search(r"\bgood\b", text)) for text in said["text"]]
    return said


def expected_metric(purchases: pandas.DataFrame, reviews: pandas.DataFrame, day: str) -> list[tuple]:
    bought = purchases[purchases["InvoiceDate"].str.startswith(day) & (purchases["Quantity"] > 2)]
    spent = bought.groupby("CustomerID")["amount"].sum()
    said = reviews.groupby("CustomerID")["positive"].agg(["sum", "count"])
    both = pandas.concat([spent, said], axis=1, join="inner").sort_index()
    return [tuple(map(int, row)) for row in both.itertuples()]


def test_the_metric_equals_a_computation_in_pandas_for_every_customer(project):
    purchases = purchases_of(DAYS)
    reviews = write_reviews(project.folder / "nltk.csv", sorted(purchases["CustomerID"].unique()))
    seeded = project.lakeshift(
        "seed", "--purchases", str(DATA / "retail_by_day"), "--reviews", str(project.folder / "nltk.csv")
    )
    assert seeded.code == 0, seeded.output

    for start, stop in (("2010-12-01", "2010-12-04"), ("2011-01-04", "2011-01-05")):
        range_of_days = ("RangeDaily", "--of", "UserBehaviourMetric", "--start", start, "--stop", stop)
        done = project.luigi(*range_of_days, "--workers", "2")
        assert done.code == 0, done.output

    for day in DAYS:
        metric = [(cid, int(amount * 1000), score, count) for cid, amount, score, count, _ in project.metric(day)]
        assert metric == expected_metric(purchases, reviews, day)
        assert len(metric) > 30
