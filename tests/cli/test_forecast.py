"""How long a plan takes, and what it costs, is told by what earlier runs have recorded."""

import datetime

import pytest

from pipeline.cli.forecast import forecast, say_forecast
from pipeline.core.history import Part, Record
from pipeline.core.lake import lake, new_attempt_id
from pipeline.user_behaviour import ClassifiedMovieReview, MovieReview, UserPurchase

DAYS = [datetime.date(2010, 12, day) for day in (1, 2, 3)]
COST = {"stage/classified_movie_review": 0.5}
TASKS = [kind(date=day) for kind in (MovieReview, ClassifiedMovieReview) for day in DAYS]


@pytest.fixture(autouse=True)
def history(settings, tmp_path):
    """A run on EMR that made two days of the reviews."""
    settings("lake", "root", str(tmp_path / "lake"))
    read = Part("MovieReview", "made", count=2, seconds=3.0)
    classified = Part("ClassifiedMovieReview", "made", count=2, seconds=120.0, dataset=next(iter(COST)))
    run = Record(
        new_attempt_id(), "MovieReview", "reviews", "success", parts=[read, classified], money=COST, currency="USD"
    )
    lake().store.create(run.path, run.to_json())


@pytest.mark.parametrize(
    ("runner", "cost"), [("local", None), ("emr", {"amount": 0.75, "currency": "USD", "unknown": []})]
)
def test_as_many_partitions_take_and_cost_what_others_did(settings, runner, cost):
    settings("jobs", "runner", runner)

    assert forecast(TASKS) == {"duration": {"seconds": 184.5, "unknown": []}, "cost": cost}


def test_what_takes_less_than_a_second_is_not_said_to_take_none(capsys):
    say_forecast({"duration": {"seconds": 0.4, "unknown": []}, "cost": None})

    assert capsys.readouterr().out == "How long, one after the other: less than a second\n"


def test_what_nothing_is_known_of_is_named(settings, capsys):
    settings("jobs", "runner", "emr")
    settings("emr_prices", "currency", "EUR")

    say_forecast(forecast([*TASKS, UserPurchase(date=DAYS[0])]))

    assert capsys.readouterr().out.splitlines() == [
        "How long, one after the other: 0:03:04; no history yet of UserPurchase",
        "What it costs on EMR: unknown; no history yet of ClassifiedMovieReview",
    ]
